namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// Trains and evaluates networks on a device: the trials of a group, known by their places in it, all of one shape and
/// on the same batches. A network that is trained alone is a group of one. The weights may live on the device: they come
/// from the states when the engine is made, and <see cref="BringWeights"/> brings them back.
/// </summary>
internal abstract class TrainingEngine : IDisposable
{
    /// <summary>
    /// Tells which rows the next steps will take, one batch after another, so that they can be brought to the device at
    /// once.
    /// </summary>
    /// <param name="order">The rows.</param>
    public virtual void Announce(ReadOnlySpan<int> order) { }

    /// <summary>Trains all trials on one batch.</summary>
    /// <param name="rows">The data.</param>
    /// <param name="batch">The rows of the batch.</param>
    /// <param name="statistics">For each trial, receives what its neurons know; empty where nobody asks.</param>
    public abstract void Step(
        LabeledRows rows,
        ReadOnlySpan<int> batch,
        params ReadOnlySpan<InformationStatistics> statistics
    );

    /// <summary>
    /// Aggregated inputs of the output layers for a batch, with the label withheld and the hidden neurons at their mean
    /// output y = 2θ − 1.
    /// </summary>
    /// <param name="rows">The data.</param>
    /// <param name="batch">The rows of the batch.</param>
    /// <param name="trials">Whose.</param>
    /// <param name="receive">
    /// Receives the trial, and classes × rows that are valid until it returns. Several threads may call it at once, for
    /// different trials.
    /// </param>
    public abstract void Evaluate(
        LabeledRows rows,
        ReadOnlySpan<int> batch,
        ReadOnlySpan<int> trials,
        Action<int, TensorMatrix> receive
    );

    /// <summary>Takes a trial out of the group: those behind it move up by one place.</summary>
    /// <param name="trial">The trial.</param>
    public abstract void Remove(int trial);

    /// <summary>Brings the weights from the device to the networks' states.</summary>
    public abstract void BringWeights();

    /// <summary>Takes the weights of a network's state to the device.</summary>
    /// <param name="trial">The trial.</param>
    public abstract void TakeWeights(int trial);

    /// <summary>Returns when the device has done all that was asked of it.</summary>
    public abstract void Synchronize();

    /// <summary>Gives memory and threads back.</summary>
    public abstract void Dispose();
}
