namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>A trial store cannot be used. The message says in one sentence why, and what to do. What is in it stays.</summary>
public sealed class TrialStoreException : IOException
{
    /// <summary>Creates an exception without a message.</summary>
    public TrialStoreException() { }

    /// <summary>Creates an exception.</summary>
    /// <param name="message">One sentence.</param>
    public TrialStoreException(string message)
        : base(message) { }

    /// <summary>Creates an exception.</summary>
    /// <param name="message">One sentence.</param>
    /// <param name="innerException">The cause.</param>
    public TrialStoreException(string message, Exception? innerException)
        : base(message, innerException) { }
}
