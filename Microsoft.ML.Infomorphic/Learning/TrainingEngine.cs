namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// Trains and evaluates a <see cref="NetworkState"/> on a device. The weights may live there: they come from the state
/// when the engine is made, and <see cref="BringWeights"/> brings them back.
/// </summary>
internal abstract class TrainingEngine : IDisposable
{
    /// <summary>
    /// Tells which rows the next steps will take, one batch after another, so that they can be brought to the device at
    /// once.
    /// </summary>
    /// <param name="order">The rows.</param>
    public virtual void Announce(ReadOnlySpan<int> order) { }

    /// <summary>Trains on one batch.</summary>
    /// <param name="rows">The data.</param>
    /// <param name="batch">The rows of the batch.</param>
    /// <param name="statistics">Receives what the neurons know, or null.</param>
    public abstract void Step(LabeledRows rows, ReadOnlySpan<int> batch, InformationStatistics? statistics);

    /// <summary>
    /// Aggregated inputs of the output layer for a batch, with the label withheld and the hidden neurons at their mean
    /// output y = 2θ − 1.
    /// </summary>
    /// <param name="rows">The data.</param>
    /// <param name="batch">The rows of the batch.</param>
    /// <returns>Classes × rows; valid until the next call.</returns>
    public abstract TensorMatrix Evaluate(LabeledRows rows, ReadOnlySpan<int> batch);

    /// <summary>Brings the weights from the device to the network's state.</summary>
    public abstract void BringWeights();

    /// <summary>Takes the weights of the network's state to the device.</summary>
    public abstract void TakeWeights();

    /// <summary>Returns when the device has done all that was asked of it.</summary>
    public abstract void Synchronize();

    /// <summary>Gives memory and threads back.</summary>
    public abstract void Dispose();
}
