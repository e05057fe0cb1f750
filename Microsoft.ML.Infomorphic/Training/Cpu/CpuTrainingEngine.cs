// Training steps on the CPU (arXiv 2412.02482, algorithms 1 and 2): libtorch multiplies matrices, the kernels do
// everything else, in the same memory. CpuLayer is a layer's part of a network's step.
//
// Networks that are trained together share the batch, which is gathered and standardised once. Where there are as many networks as threads,
// each thread takes a network through its whole step, in memory that stays in that thread's caches; networks that are left
// over are taken one after another by all threads together. Products have the same shapes either way, and neither they
// nor the kernels depend on the number of threads: a network comes to the same bits with any others, and alone.

using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training.Cpu;

/// <summary>
/// Trains and evaluates networks on the CPU. Once a batch of each size has been seen, a step allocates nothing on the
/// managed heap.
/// </summary>
internal sealed class CpuTrainingEngine : TrainingEngine
{
    private readonly FeatureScaling _scaling;
    private readonly List<CpuNetwork> _networks;
    private readonly bool _needsColumns;

    // All threads together, and each for itself.
    private readonly StepWorkers _all;
    private readonly StepWorkers[] _single;
    private readonly float[] _inverseScales;

    // Of each thread, where features are sparse.
    private readonly SparseRowScratch[]? _scratch;
    private readonly bool _keepsZeros;
    private readonly BatchRows _full;
    private readonly int _threadsBefore;
    private BatchRows? _partial;
    private long _steps;

    public CpuTrainingEngine(NetworkState state, TrainingSettings settings, BatchShape largest)
        : this([state], settings, largest) { }

    /// <param name="states">The networks, of one shape.</param>
    /// <param name="settings">What they have in common.</param>
    /// <param name="largest">The largest batch.</param>
    public CpuTrainingEngine(IReadOnlyList<NetworkState> states, TrainingSettings settings, BatchShape largest)
    {
        NetworkState shape = states[0];
        _scaling = shape.Scaling;
        _networks = [.. states.Select(state => new CpuNetwork(state))];
        _steps = shape.Steps;
        foreach (NetworkState state in states.Where(state => state.Steps == 0))
            state.ResetMoments();
        WorkerTeam team = StepWorkers.NewTeam(settings.Threads ?? Environment.ProcessorCount);
        var workspaces = new NeuronWorkspace[team.ThreadCount];
        for (int thread = 0; thread < workspaces.Length; thread++)
            workspaces[thread] = new NeuronWorkspace(shape.Layers, largest.Rows);
        _all = new StepWorkers(team, workspaces, shape);
        _single =
            states.Count < team.ThreadCount || team.ThreadCount == 1
                ? []
                : [.. workspaces.Select(workspace => new StepWorkers(StepWorkers.NewTeam(1), [workspace], shape))];
        _inverseScales = _scaling.Scales.Select(scale => 1 / scale).ToArray();
        _needsColumns = shape.Projections.Any(projection =>
            projection.Signal.Kind == SignalKind.Features && projection.Connectivity is not AllConnected
        );
        _keepsZeros = !_scaling.Offsets.AsSpan().ContainsAnyExcept(0f);
        if (largest.IsSparse && shape.HasPlainFeatures)
            _scratch = [.. workspaces.Select(_ => new SparseRowScratch(_scaling.FeatureCount))];
        _full = NewBatch(largest.Rows);

        // Each thread multiplies by itself, the calling one too.
        _threadsBefore = TorchRuntime.UseThreads(1);
    }

    /// <summary>Seconds that threads, or all of them together, spent in a part of the steps since the last reset.</summary>
    public double Seconds(StepPart part) =>
        _all.Timings.Seconds(part) + _single.Sum(workers => workers.Timings.Seconds(part));

    /// <summary>Forgets all times.</summary>
    public void ResetTimings()
    {
        _all.Timings.Reset();
        foreach (StepWorkers workers in _single)
            workers.Timings.Reset();
    }

    /// <inheritdoc/>
    public override void Step(
        LabeledRows rows,
        ReadOnlySpan<int> batch,
        params ReadOnlySpan<InformationStatistics> statistics
    )
    {
        _steps++;
        _all.Timings.Start();
        BatchRows gathered = Gather(rows, batch);
        _all.Timings.Add(StepPart.Gathering);
        ForEach(
            _networks.Count,
            gathered,
            (Engine: this, Statistics: statistics.ToArray()),
            static (of, network, workers) =>
                of
                    .Engine._networks[network]
                    .Step(
                        workers,
                        of.Engine._steps,
                        of.Engine.RateFactor,
                        of.Statistics.Length == 0 ? null : of.Statistics[network]
                    )
        );
    }

    /// <inheritdoc/>
    public override void Evaluate(
        LabeledRows rows,
        ReadOnlySpan<int> batch,
        ReadOnlySpan<int> networks,
        Action<int, TensorMatrix> receive
    ) =>
        ForEach(
            networks.Length,
            Gather(rows, batch),
            (Engine: this, Networks: networks.ToArray(), Receive: receive),
            static (of, item, workers) =>
            {
                int network = of.Networks[item];
                of.Receive(network, of.Engine._networks[network].Evaluate(workers));
            }
        );

    /// <inheritdoc/>
    public override void Remove(int network)
    {
        _networks[network].Dispose();
        _networks.RemoveAt(network);
    }

    /// <summary>The weights are in the networks' states all the time.</summary>
    public override void DownloadWeights() { }

    /// <summary>The weights are in the networks' states all the time.</summary>
    public override void UploadWeights(int network) { }

    /// <summary>All is done when a call returns.</summary>
    public override void Synchronize() { }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (CpuNetwork network in _networks)
            network.Dispose();
        _all.Dispose();
        foreach (StepWorkers workers in _single)
            workers.Dispose();
        _full.Dispose();
        _partial?.Dispose();
        _ = TorchRuntime.UseThreads(_threadsBefore);
    }

    // Works through networks: as many at a time as there are threads, and what is left over one after another.
    private void ForEach<T>(int count, BatchRows batch, T context, Action<T, int, StepWorkers> work)
    {
        int alone = _single.Length == 0 ? 0 : count - count % _single.Length;
        if (alone > 0)
            _all.Team.Run(
                alone,
                (Engine: this, Batch: batch, Context: context, Work: work),
                static (of, item, thread) =>
                {
                    StepWorkers workers = of.Engine._single[thread];
                    workers.Prepare(of.Batch, of.Batch == of.Engine._full);
                    of.Work(of.Context, item, workers);
                }
            );
        if (alone == count)
            return;
        _all.Prepare(batch, batch == _full);
        for (int item = alone; item < count; item++)
            work(context, item, _all);
    }

    // The batch's features, standardised, its classes, and the probability mass of each of its rows.
    private BatchRows Gather(LabeledRows rows, ReadOnlySpan<int> rowsOfBatch)
    {
        BatchRows batch = BatchOf(rowsOfBatch.Length);
        rowsOfBatch.CopyTo(batch.Rows);
        _all.Team.Run(
            (batch.RowCount + SparseRows.RowsPerPart - 1) / SparseRows.RowsPerPart,
            (Engine: this, Rows: rows, Batch: batch),
            static (of, item, thread) => of.Engine.GatherRows(of.Rows, of.Batch, item, thread)
        );
        if (rows.Weights is null)
        {
            batch.Mass.AsSpan().Fill(1f / batch.RowCount);
            return batch;
        }

        double total = 0;
        foreach (int row in rowsOfBatch)
            total += rows.Weights[row];
        for (int i = 0; i < rowsOfBatch.Length; i++)
            batch.Mass[i] = (float)(rows.Weights[rowsOfBatch[i]] / total);
        return batch;
    }

    private BatchRows BatchOf(int rows)
    {
        if (rows == _full.RowCount)
            return _full;
        if (_partial?.RowCount != rows)
        {
            _partial?.Dispose();
            _partial = NewBatch(rows);
        }

        return _partial;
    }

    private BatchRows NewBatch(int rows) => new(rows, _scaling.FeatureCount, _needsColumns, _scratch is not null);

    private void GatherRows(LabeledRows rows, BatchRows batch, int item, int thread)
    {
        int start = item * SparseRows.RowsPerPart;
        int end = Math.Min(start + SparseRows.RowsPerPart, batch.RowCount);
        SparseRows.Part? sparse = batch.Sparse?.Begin(item);
        for (int i = start; i < end; i++)
        {
            int row = batch.Rows[i];
            batch.Labels[i] = rows.Labels[row];
            if (sparse is not null)
                GatherNonZeros(rows.Features, row, sparse, _scratch![thread]);
            else
                CopyStandardized(rows.Features, row, batch.Features![i]);
        }

        if (batch.FeatureColumns is not TensorMatrix columns)
            return;
        for (int feature = 0; feature < columns.Rows; feature++)
        {
            Span<float> column = columns[feature];
            for (int i = start; i < end; i++)
                column[i] = batch.Features![i][feature];
        }
    }

    private void CopyStandardized(FeatureMatrix rows, int row, Span<float> features)
    {
        rows.CopyRow(row, features);
        TensorPrimitives.Subtract(features, _scaling.Offsets, features);
        TensorPrimitives.Multiply(features, _inverseScales, features);
    }

    private void GatherNonZeros(FeatureMatrix rows, int row, SparseRows.Part part, SparseRowScratch scratch)
    {
        if (!_keepsZeros)
        {
            CopyStandardized(rows, row, scratch.Row);
            _ = part.Add(scratch.Find());
            return;
        }

        SparseRow nonZeros = rows.NonZerosOf(row, scratch);
        Span<float> values = part.Add(nonZeros);
        for (int i = 0; i < values.Length; i++)
            values[i] *= _inverseScales[nonZeros.Inputs[i]];
    }
}

/// <summary>A network's part of a step on the CPU.</summary>
internal sealed class CpuNetwork : IDisposable
{
    private readonly NetworkState _state;
    private readonly CpuLayer[] _layers;

    public CpuNetwork(NetworkState state)
    {
        _state = state;
        _layers = [.. state.Layers.Select(layer => new CpuLayer(state, layer.Index))];
    }

    /// <summary>Trains on the workers' batch.</summary>
    /// <param name="workers">Who works on it.</param>
    /// <param name="step">The step, from 1.</param>
    /// <param name="rateFactor">What the learning rates are multiplied by.</param>
    /// <param name="statistics">Receives what the neurons know, or null.</param>
    public void Step(StepWorkers workers, long step, double rateFactor, InformationStatistics? statistics)
    {
        workers.Timings.Start();
        if (_state.MeansSchedule is Schedule beforehand)
            Present(new StepContext(workers, beforehand, _state.Seed, step, IsTraining: false, null, rateFactor));
        Present(new StepContext(workers, _state.Schedule, _state.Seed, step, IsTraining: true, statistics, rateFactor));
    }

    /// <summary>Aggregated inputs of the output neurons for the workers' batch, with the label withheld.</summary>
    public TensorMatrix Evaluate(StepWorkers workers)
    {
        Present(new StepContext(workers, _state.ScoringSchedule, _state.Seed, Step: 0, IsTraining: false, null, 0));
        return workers.Buffers.Layers[^1].Sums[0];
    }

    public void Dispose()
    {
        foreach (CpuLayer layer in _layers)
            layer.Dispose();
    }

    private void Present(StepContext context)
    {
        var presenter = new Presenter(_layers, context);
        context.Schedule.Present(ref presenter);
    }

    private readonly struct Presenter(CpuLayer[] layers, StepContext context) : IPresenter
    {
        public void Aggregate(Visit visit) => layers[visit.Layer].Aggregate(context, visit);

        public void Fire(Visit visit) => layers[visit.Layer].Fire(context, visit);

        public void Learn(Visit visit) => layers[visit.Layer].Learn(context, visit);
    }
}
