namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// Threads that work on a network's step together, and the memory that the step takes while it lasts. It is lent to one
/// trial after another, so that it stays in the caches.
/// </summary>
internal sealed class Crew : IDisposable
{
    private readonly NetworkState _shape;
    private BatchBuffers? _full;
    private BatchBuffers? _partial;
    private BatchBuffers? _buffers;

    /// <param name="team">The threads.</param>
    /// <param name="workspaces">A workspace for each of them.</param>
    /// <param name="shape">A network of the shape of all that come.</param>
    public Crew(WorkerTeam team, NeuronWorkspace[] workspaces, NetworkState shape)
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

    /// <summary>Gets ready for a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="isFull">Whether it is of the size that most have.</param>
    public void Take(BatchRows batch, bool isFull)
    {
        ref BatchBuffers? buffers = ref isFull ? ref _full : ref _partial;
        if (buffers?.Batch != batch)
        {
            buffers?.Dispose();
            buffers = new BatchBuffers(_shape, batch);
        }

        _buffers = buffers;
        foreach (NeuronWorkspace workspace in Workspaces)
            workspace.Resize(batch.RowCount);
    }

    public void Dispose()
    {
        Team.Dispose();
        _full?.Dispose();
        _partial?.Dispose();
    }
}
