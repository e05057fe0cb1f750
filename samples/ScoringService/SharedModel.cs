using SampleSupport;

namespace ScoringService;

/// <summary>A model with the number of those who use it; the last one to leave disposes of it.</summary>
internal sealed class SharedModel
{
    private readonly ScoringMetrics _metrics;

    // The first is the host's.
    private int _users = 1;

    public SharedModel(ScoringModel model, ScoringMetrics metrics)
    {
        Model = model;
        _metrics = metrics;
        metrics.ModelLoaded();
    }

    public ScoringModel Model { get; }

    /// <summary>Adds a user; only while somebody else still is one.</summary>
    public ModelLease Acquire()
    {
        Interlocked.Increment(ref _users);
        return new ModelLease(this);
    }

    public void Release()
    {
        if (Interlocked.Decrement(ref _users) > 0)
            return;
        Model.Dispose();
        _metrics.ModelReleased();
    }
}

/// <summary>The use of a model by one request.</summary>
internal sealed class ModelLease(SharedModel model) : IDisposable
{
    private SharedModel? _shared = model;

    public ScoringModel Model { get; } = model.Model;

    public void Dispose() => Interlocked.Exchange(ref _shared, null)?.Release();
}
