using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Cpu;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Benchmarks.Contenders;

/// <summary>
/// The library's training step, on batches drawn as its trainer draws them. Gathering and standardising the batch is
/// part of the step; the atoms of information, which the trainer measures on four batches of an epoch, are not.
/// </summary>
internal sealed class InfomorphicStep : IDisposable
{
    private readonly LabeledRows _rows;
    private readonly TrainingEngine _engine;
    private readonly RandomStream _shuffling;
    private readonly int[] _order;
    private readonly int _batchSize;
    private int _next;

    public InfomorphicStep(
        BenchmarkData data,
        int hidden,
        int lateral,
        int batchSize,
        int threads,
        ComputeDevice device
    )
    {
        _rows = data.Train;
        _batchSize = batchSize;
        Settings = Setup.Settings(hidden, lateral, batchSize, threads);
        State = NetworkState.Create(Settings, data.Scaling, data.Train.ClassCount);
        _engine = NetworkTrainer.EngineFor(device)([State], Settings, batchSize);
        _shuffling = new RandomStream(Settings.Seed, RandomStreams.Shuffling);
        _order = [.. Enumerable.Range(0, _rows.RowCount)];
        _next = _order.Length;
    }

    public TrainingSettings Settings { get; }

    public NetworkState State { get; }

    /// <summary>The hidden neurons' lateral connections.</summary>
    public ProjectionState Lateral => Setup.Projection(State, 'L');

    /// <summary>The rows of the next step.</summary>
    public ReadOnlyMemory<int> Batch { get; private set; }

    /// <summary>Draws the next batch, always a full one.</summary>
    public void Prepare()
    {
        if (_next + _batchSize > _order.Length)
        {
            _shuffling.Shuffle(_order);
            _engine.Announce(_order);
            _next = 0;
        }

        Batch = _order.AsMemory(_next, _batchSize);
        _next += _batchSize;
        (_engine as CpuTrainingEngine)?.ResetTimings();
    }

    public void Step()
    {
        _engine.Step(_rows, Batch.Span);
        _engine.Synchronize();
    }

    /// <summary>Milliseconds of a part of the last step; not a number on devices, where parts are not told apart.</summary>
    public double Milliseconds(StepPart part) =>
        _engine is CpuTrainingEngine engine ? 1000 * engine.Seconds(part) : double.NaN;

    /// <summary>Trains for so many steps.</summary>
    public void Train(int steps)
    {
        for (int step = 0; step < steps; step++)
        {
            Prepare();
            Step();
        }

        _engine.DownloadWeights();
    }

    public void Dispose()
    {
        _engine.Dispose();
        State.Dispose();
    }
}
