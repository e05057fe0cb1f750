using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training;

/// <summary>What the largest batch of a training is like.</summary>
/// <param name="Rows">Its rows.</param>
/// <param name="IsSparse">Whether so few standardised features are not zero that it pays to leave the others out.</param>
internal readonly record struct BatchShape(int Rows, bool IsSparse = false)
{
    // So many dense products of two numbers take the time of one that has to look for its numbers.
    private const double Gain = 32;

    public static implicit operator BatchShape(int rows) => new(rows);

    /// <summary>The largest batch of a training.</summary>
    /// <param name="train">All rows as the network reads them.</param>
    /// <param name="scaling">How their features are standardised, which may make zeros what they are not.</param>
    /// <param name="rows">Rows of the batch.</param>
    public static BatchShape Of(RowSource train, FeatureScaling scaling, int rows)
    {
        double nonZeros = train.MeanNonZeros + scaling.FeatureCount - scaling.Offsets.AsSpan().Count(0f);
        return new BatchShape(rows, Gain * nonZeros <= scaling.FeatureCount);
    }
}

/// <summary>
/// Trains and evaluates networks on a device: several, known by their places, all of one shape and on the same batches, or
/// one alone. The weights may live on the device: they come
/// from the states when the engine is made, and <see cref="DownloadWeights"/> copies them back.
/// </summary>
internal abstract class TrainingEngine : IDisposable
{
    /// <summary>What the learning rates are multiplied by in the steps to come, from 0 to 1.</summary>
    public double RateFactor { get; set; } = 1;

    /// <summary>
    /// Tells which rows the next steps will take, one batch after another, so that they can be copied to the device at
    /// once.
    /// </summary>
    /// <param name="order">The rows.</param>
    public virtual void Announce(ReadOnlySpan<int> order) { }

    /// <summary>Trains all networks on one batch.</summary>
    /// <param name="rows">The data.</param>
    /// <param name="batch">The rows of the batch.</param>
    /// <param name="statistics">For each network, receives what its neurons know; empty where nobody asks.</param>
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
    /// <param name="networks">Whose.</param>
    /// <param name="receive">
    /// Receives the network, and classes × rows that are valid until it returns. Several threads may call it at once, for
    /// different networks.
    /// </param>
    public abstract void Evaluate(
        LabeledRows rows,
        ReadOnlySpan<int> batch,
        ReadOnlySpan<int> networks,
        Action<int, TensorMatrix> receive
    );

    /// <summary>Takes a network out: those behind it move up by one place.</summary>
    /// <param name="network">The network.</param>
    public abstract void Remove(int network);

    /// <summary>Copies the weights from the device to the networks' states.</summary>
    public abstract void DownloadWeights();

    /// <summary>Copies the weights of a network's state to the device.</summary>
    /// <param name="network">The network.</param>
    public abstract void UploadWeights(int network);

    /// <summary>Returns when the device has done all that was asked of it.</summary>
    public abstract void Synchronize();

    /// <summary>Gives memory and threads back.</summary>
    public abstract void Dispose();
}
