namespace Microsoft.ML.Infomorphic.Fuzzing;

/// <summary>What became of a damaged file.</summary>
internal enum Outcome
{
    /// <summary>It was read, and scores rows.</summary>
    Accepted,

    /// <summary>It was refused, or its model refused to score, with an error that says what is wrong with it.</summary>
    Refused,

    /// <summary>Something else came of it: to be mended here.</summary>
    Finding,
}

/// <summary>What became of a damaged file, and how.</summary>
internal sealed record Verdict(Outcome Outcome, string Description)
{
    public static Verdict Of(Exception exception)
    {
        Exception[] chain = [.. Chain(exception)];
        // What our own code throws must be clean within every wrapping; ML.NET's errors need only be wrapped.
        bool isRefusal =
            IsClean(exception) && !string.IsNullOrWhiteSpace(exception.Message) && !exception.Message.Contains('\n');
        bool isOurs = IsOurs(chain[^1]);
        string place = (chain[^1].StackTrace ?? "").Split('\n')[0].Trim();
        return new Verdict(
            isRefusal && (!isOurs || IsClean(chain[^1]) || chain[^1] is ArgumentException)
                ? Outcome.Refused
                : Outcome.Finding,
            string.Join(" <- ", chain.Select(one => $"{one.GetType().Name}: {one.Message}")) + " " + place
        );
    }

    private static bool IsClean(Exception exception) =>
        exception is FormatException or InvalidOperationException or InvalidDataException or EndOfStreamException;

    // Whether our code threw it, or what our code called in the framework: ML.NET calls us, and we call ML.NET.
    private static bool IsOurs(Exception exception)
    {
        string place =
            (exception.StackTrace ?? "")
                .Split('\n')
                .FirstOrDefault(line => line.Contains("at Microsoft.ML.", StringComparison.Ordinal))
            ?? "";
        return place.Contains("at Microsoft.ML.Infomorphic.", StringComparison.Ordinal)
            && !place.Contains("at Microsoft.ML.Infomorphic.Fuzzing.", StringComparison.Ordinal)
            && !place.Contains("ModelFile.", StringComparison.Ordinal);
    }

    private static IEnumerable<Exception> Chain(Exception exception)
    {
        for (Exception? one = exception; one is not null; one = one.InnerException)
            yield return one;
    }
}
