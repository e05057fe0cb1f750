using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>An engine that has another one do everything, for tests that look in between.</summary>
internal abstract class WrappedEngine(TrainingEngine engine) : TrainingEngine
{
    public override void Announce(ReadOnlySpan<int> order) => engine.Announce(order);

    public override void Step(
        LabeledRows rows,
        ReadOnlySpan<int> batch,
        params ReadOnlySpan<InformationStatistics> statistics
    ) => engine.Step(rows, batch, statistics);

    public override void Evaluate(
        LabeledRows rows,
        ReadOnlySpan<int> batch,
        ReadOnlySpan<int> networks,
        Action<int, TensorMatrix> receive
    ) => engine.Evaluate(rows, batch, networks, receive);

    public override void Remove(int network) => engine.Remove(network);

    public override void DownloadWeights() => engine.DownloadWeights();

    public override void UploadWeights(int network) => engine.UploadWeights(network);

    public override void Synchronize() => engine.Synchronize();

    public override void Dispose() => engine.Dispose();
}
