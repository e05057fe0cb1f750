using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training.Cpu;

/// <summary>
/// Threads that work on a network's step together, and the memory that the step takes while it lasts. One network after
/// another uses it, so that it stays in the caches.
/// </summary>
internal sealed class StepWorkers : IDisposable
{
    private readonly NetworkState _shape;
    private BatchBuffers? _full;
    private BatchBuffers? _partial;
    private BatchBuffers? _buffers;

    /// <param name="team">The threads.</param>
    /// <param name="workspaces">A workspace for each of them.</param>
    /// <param name="shape">A network of the shape of all that come.</param>
    public StepWorkers(WorkerTeam team, NeuronWorkspace[] workspaces, NetworkState shape)
    {
        Team = team;
        Workspaces = workspaces;
        _shape = shape;
    }

    /// <summary>The threads.</summary>
    public WorkerTeam Team { get; }

    /// <summary>A workspace for each thread.</summary>
    public NeuronWorkspace[] Workspaces { get; }

    /// <summary>The matrices of the batch.</summary>
    public BatchBuffers Buffers => _buffers!;

    /// <summary>Where the time of the steps goes.</summary>
    public StepTimings Timings { get; } = new();

    /// <summary>A team whose threads multiply matrices each by itself.</summary>
    /// <param name="threads">Number of threads, the calling one included.</param>
    public static WorkerTeam NewTeam(int threads) => new(threads, static () => TorchRuntime.UseThreads(1));

    /// <summary>Gets ready for a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="isFull">Whether it is of the size that most have.</param>
    public void Prepare(BatchRows batch, bool isFull)
    {
        ref BatchBuffers? buffers = ref isFull ? ref _full : ref _partial;
        if (buffers?.Batch != batch)
        {
            buffers?.Dispose();
            buffers = new BatchBuffers(_shape, batch);
        }

        _buffers = buffers;
        foreach (LayerBuffers layer in buffers.Layers)
            layer.SetMass(batch.Mass);
    }

    public void Dispose()
    {
        Team.Dispose();
        _full?.Dispose();
        _partial?.Dispose();
    }
}

/// <summary>One presentation of a batch to a network: who works on it, and what it is for.</summary>
/// <param name="Workers">Who works on it, in which memory.</param>
/// <param name="Schedule">The order of visits.</param>
/// <param name="Seed">The seed of what is drawn.</param>
/// <param name="Step">The training step, from 1.</param>
/// <param name="IsTraining">
/// Whether outputs are sampled, the label is there and layers learn; else outputs are means, 2θ − 1.
/// </param>
/// <param name="Statistics">Receives what the neurons know, or null.</param>
/// <param name="RateFactor">What the learning rates are multiplied by.</param>
internal readonly record struct StepContext(
    StepWorkers Workers,
    Schedule Schedule,
    ulong Seed,
    long Step,
    bool IsTraining,
    InformationStatistics? Statistics,
    double RateFactor
);
