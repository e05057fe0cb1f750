// Training steps on the CPU (arXiv 2412.02482, algorithms 1 and 2): libtorch multiplies matrices, the kernels do
// everything else, in the same memory. CpuHiddenLayer and CpuOutputLayer are the parts of a trial's step.
//
// Trials of a group share the batch, which is gathered and standardised once. Where there are as many trials as threads,
// each thread takes a trial through its whole step, in memory that stays in that thread's caches; trials that are left
// over are taken one after another by all threads together. Products have the same shapes either way, and neither they
// nor the kernels depend on the number of threads: a trial comes to the same bits in any group, and alone.

using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>
/// Trains and evaluates networks on the CPU. Once a batch of each size has been seen, a step allocates nothing on the
/// managed heap.
/// </summary>
internal sealed class CpuTrainingEngine : TrainingEngine
{
    private const int RowsPerItem = 32;

    private readonly FeatureScaling _scaling;
    private readonly List<CpuTrial> _trials;

    // All threads together, and each for itself.
    private readonly Crew _all;
    private readonly Crew[] _single;
    private readonly bool[] _multipliesAlone;
    private readonly float[] _inverseScales;
    private readonly BatchRows _full;
    private BatchRows? _partial;
    private long _steps;

    // What the threads work on now, and the delegates that do it.
    private BatchRows _batch;
    private LabeledRows? _data;
    private InformationStatistics[] _statistics = [];
    private int[] _evaluated = [];
    private Action<int, TensorMatrix> _receive = static (_, _) => { };
    private Action<int, Crew> _work = static (_, _) => { };
    private readonly Action<int, int> _gatherRows;
    private readonly Action<int, int> _workAlone;
    private readonly Action<int, Crew> _step;
    private readonly Action<int, Crew> _evaluate;

    public CpuTrainingEngine(NetworkState state, LearningSettings settings, int maximumRows)
        : this([state], settings, maximumRows) { }

    /// <param name="states">The trials, of one shape.</param>
    /// <param name="settings">What they have in common.</param>
    /// <param name="maximumRows">Rows of the largest batch.</param>
    public CpuTrainingEngine(IReadOnlyList<NetworkState> states, LearningSettings settings, int maximumRows)
    {
        NetworkState shape = states[0];
        _scaling = shape.Scaling;
        _trials = [.. states.Select(state => new CpuTrial(state, settings.Seed))];
        var team = new WorkerTeam(settings.Threads ?? Environment.ProcessorCount);
        LayerGoal? hidden = LayerGoal.Of(shape.Hidden);
        LayerGoal output = LayerGoal.Of(shape.Output)!;
        var workspaces = new NeuronWorkspace[team.ThreadCount];
        for (int thread = 0; thread < workspaces.Length; thread++)
            workspaces[thread] = new NeuronWorkspace(hidden, output, maximumRows);
        _all = new Crew(team, workspaces, shape);
        _single =
            states.Count < team.ThreadCount || team.ThreadCount == 1
                ? []
                : [.. workspaces.Select(workspace => new Crew(new WorkerTeam(1), [workspace], shape))];
        _multipliesAlone = new bool[_single.Length];
        _inverseScales = _scaling.Scales.Select(scale => 1 / scale).ToArray();
        _full = new BatchRows(maximumRows, _scaling.FeatureCount);
        _batch = _full;
        _gatherRows = GatherRows;
        _workAlone = WorkAlone;
        _step = Step;
        _evaluate = Evaluate;
    }

    /// <summary>Seconds that threads, or all of them together, spent in a part of the steps since the last reset.</summary>
    public double Seconds(StepPart part) =>
        _all.Timings.Seconds(part) + _single.Sum(crew => crew.Timings.Seconds(part));

    /// <summary>Forgets all times.</summary>
    public void ResetTimings()
    {
        _all.Timings.Reset();
        foreach (Crew crew in _single)
            crew.Timings.Reset();
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
        Gather(rows, batch);
        _all.Timings.Add(StepPart.Gathering);
        _statistics = statistics.ToArray();
        Share(_trials.Count, _step);
    }

    /// <inheritdoc/>
    public override void Evaluate(
        LabeledRows rows,
        ReadOnlySpan<int> batch,
        ReadOnlySpan<int> trials,
        Action<int, TensorMatrix> receive
    )
    {
        Gather(rows, batch);
        _evaluated = trials.ToArray();
        _receive = receive;
        Share(_evaluated.Length, _evaluate);
    }

    /// <inheritdoc/>
    public override void Remove(int trial) => _trials.RemoveAt(trial);

    /// <summary>The weights are in the networks' states all the time.</summary>
    public override void BringWeights() { }

    /// <summary>The weights are in the networks' states all the time.</summary>
    public override void TakeWeights(int trial) { }

    /// <summary>All is done when a call returns.</summary>
    public override void Synchronize() { }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _all.Dispose();
        foreach (Crew crew in _single)
            crew.Dispose();
        _full.Dispose();
        _partial?.Dispose();
    }

    private void Step(int trial, Crew crew) =>
        _trials[trial].Step(crew, _steps, _statistics.Length == 0 ? null : _statistics[trial]);

    private void Evaluate(int item, Crew crew)
    {
        int trial = _evaluated[item];
        _receive(trial, _trials[trial].Evaluate(crew));
    }

    // Works through trials: as many at a time as there are threads, and what is left over one after another.
    private void Share(int count, Action<int, Crew> work)
    {
        int alone = _single.Length == 0 ? 0 : count - count % _single.Length;
        if (alone > 0)
        {
            _work = work;
            int threads = TorchRuntime.UseThreads(1);
            _all.Team.Run(alone, _workAlone);
            _ = TorchRuntime.UseThreads(threads);
        }

        if (alone == count)
            return;
        _all.Take(_batch, _batch == _full);
        for (int item = alone; item < count; item++)
            work(item, _all);
    }

    private void WorkAlone(int item, int thread)
    {
        // libtorch has a number of threads for each thread that calls it.
        if (thread > 0 && !_multipliesAlone[thread])
        {
            _ = TorchRuntime.UseThreads(1);
            _multipliesAlone[thread] = true;
        }

        Crew crew = _single[thread];
        crew.Take(_batch, _batch == _full);
        _work(item, crew);
    }

    // The batch's features, standardised, its classes, and the probability mass of each of its rows.
    private void Gather(LabeledRows rows, ReadOnlySpan<int> batch)
    {
        if (batch.Length == _full.RowCount)
        {
            _batch = _full;
        }
        else
        {
            if (_partial?.RowCount != batch.Length)
            {
                _partial?.Dispose();
                _partial = new BatchRows(batch.Length, _scaling.FeatureCount);
            }

            _batch = _partial;
        }

        _data = rows;
        batch.CopyTo(_batch.Rows);
        _all.Team.Run((batch.Length + RowsPerItem - 1) / RowsPerItem, _gatherRows);
        if (rows.Weights is null)
        {
            _batch.Mass.AsSpan().Fill(1f / batch.Length);
            return;
        }

        double total = 0;
        foreach (int row in batch)
            total += rows.Weights[row];
        for (int i = 0; i < batch.Length; i++)
            _batch.Mass[i] = (float)(rows.Weights[batch[i]] / total);
    }

    private void GatherRows(int item, int thread)
    {
        int end = Math.Min((item + 1) * RowsPerItem, _batch.RowCount);
        for (int i = item * RowsPerItem; i < end; i++)
        {
            int row = _batch.Rows[i];
            Span<float> features = _batch.Features[i];
            _data!.Features.CopyRow(row, features);
            TensorPrimitives.Subtract(features, _scaling.Offsets, features);
            TensorPrimitives.Multiply(features, _inverseScales, features);
            _batch.Labels[i] = _data.Labels[row];
        }
    }
}

/// <summary>A trial's part of a step on the CPU.</summary>
internal sealed class CpuTrial
{
    private readonly CpuHiddenLayer? _hidden;
    private readonly CpuOutputLayer _output;

    public CpuTrial(NetworkState state, ulong seed)
    {
        _output = new CpuOutputLayer(state, seed);
        if (state.Hidden is not null)
            _hidden = new CpuHiddenLayer(state, _output, seed);
    }

    /// <summary>Trains on the crew's batch.</summary>
    /// <param name="crew">Who works on it.</param>
    /// <param name="step">The step, from 1.</param>
    /// <param name="statistics">Receives what the neurons know, or null.</param>
    public void Step(Crew crew, long step, InformationStatistics? statistics)
    {
        crew.Timings.Start();
        _hidden?.Present(crew, step, statistics?.Hidden);
        _output.Aggregate(crew);
        crew.Timings.Add(StepPart.Products);
        _output.Train(statistics?.Output);
        crew.Timings.Add(StepPart.Kernel);
        _hidden?.Differentiate();
        _output.Differentiate();
        crew.Timings.Add(StepPart.Products);
        _hidden?.Update(step);
        _output.Update(step);
        crew.Timings.Add(StepPart.Optimizer);
    }

    /// <summary>Aggregated inputs of the output neurons for the crew's batch, with the label withheld.</summary>
    public TensorMatrix Evaluate(Crew crew)
    {
        _hidden?.Present(crew, step: null, statistics: null);
        _output.Aggregate(crew);
        _output.AddBiases();
        return crew.Buffers.OutputF;
    }
}
