using System.Diagnostics;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Cpu;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Benchmarks.Contenders;

/// <summary>Everything that one neuron's share of a step runs through, one method a pass, in one thread's memory.</summary>
internal sealed class KernelPasses(LayerSettings settings, ulong seed, int rows)
{
    private readonly ModulatedActivation _activation = (ModulatedActivation)settings.Activation;
    private readonly VectorizedGoal _goal = new(new GoalTerms(settings.Goal!), settings.Binning.Count, rows);
    private readonly float[] _theta = new float[rows];
    private readonly float[] _complement = new float[rows];
    private readonly float[] _slope = new float[rows];
    private readonly int[] _cells = new int[rows];
    private readonly float[] _mass = Enumerable.Repeat(1f / rows, rows).ToArray();

    public int OccupiedCells => _goal.OccupiedCells;

    public VectorizedGoal Goal => _goal;

    public void FireFirst(ReadOnlySpan<float> f, ReadOnlySpan<float> c, float bias)
    {
        Array.Fill(_slope, bias);
        VectorizedActivation.Fire(_activation, f, c, _slope, _theta, _complement);
    }

    public void FireSecond(ReadOnlySpan<float> f, ReadOnlySpan<float> c, ReadOnlySpan<float> l) =>
        VectorizedActivation.Fire(_activation, f, c, l, _theta, _complement);

    public void Sample(Span<float> outputs, int neuron, ulong step) =>
        Philox.Sample(_theta, outputs, (uint)neuron, step, seed);

    public void Bin(ReadOnlySpan<float> f, ReadOnlySpan<float> c, ReadOnlySpan<float> l)
    {
        Binning binning = settings.Binning;
        Array.Clear(_cells);
        VectorizedBinning.Accumulate(binning, f, _cells, 1);
        VectorizedBinning.Accumulate(binning, c, _cells, binning.Count);
        VectorizedBinning.Accumulate(binning, l, _cells, binning.Count * binning.Count);
    }

    public void Count() => _goal.Count(_cells, _theta, _complement, _mass);

    public void DifferentiateGoal() => _goal.Differentiate(_mass, _slope);

    public void DifferentiateActivation(
        ReadOnlySpan<float> f,
        ReadOnlySpan<float> c,
        ReadOnlySpan<float> l,
        Span<float> gradientF,
        Span<float> gradientC,
        Span<float> gradientL
    ) =>
        VectorizedActivation.Differentiate(
            _activation,
            f,
            c,
            l,
            _theta,
            _complement,
            _slope,
            gradientF,
            gradientC,
            gradientL
        );
}

/// <summary>Where the kernel's time goes, in milliseconds of a step (the threads' mean).</summary>
internal sealed record KernelSplit(
    double Activation,
    double Sampling,
    double Binning,
    double Histogram,
    double GoalGradient,
    double ActivationGradient
);

/// <summary>
/// The kernel of a step alone: the passes of all hidden neurons over the aggregated inputs that a network in training
/// has for a batch, shared out among threads as the engine does it.
/// </summary>
internal sealed class KernelStep : IDisposable
{
    private const int Passes = 6;
    private readonly WorkerTeam _team;
    private readonly KernelPasses[] _passes;
    private readonly long[][] _ticks;
    private readonly TensorMatrix _f;
    private readonly TensorMatrix _c;
    private readonly TensorMatrix _l;
    private readonly TensorMatrix _first;
    private readonly TensorMatrix _second;
    private readonly TensorMatrix _gradientF;
    private readonly TensorMatrix _gradientC;
    private readonly TensorMatrix _gradientL;
    private readonly float[] _lateralBiases;
    private readonly int _neurons;
    private long _occupied;
    private ulong _steps;

    public KernelStep(BenchmarkData data, InfomorphicStep trained, int batchSize, int threads)
    {
        NetworkState state = trained.State;
        _neurons = state.Layers[0].NeuronCount;
        _team = new WorkerTeam(threads);
        _passes =
        [
            .. Enumerable
                .Range(0, threads)
                .Select(_ => new KernelPasses(trained.Settings.HiddenLayers[0], trained.Settings.Seed, batchSize)),
        ];
        _ticks = [.. Enumerable.Range(0, threads).Select(_ => new long[Passes])];
        (_f, _c, _l) = (New(), New(), New());
        (_first, _second) = (New(), New());
        (_gradientF, _gradientC, _gradientL) = (New(), New(), New());
        _lateralBiases = [.. Enumerable.Range(0, _neurons).Select(neuron => state.Layers[0].Biases.Value[neuron][2])];
        Aggregate(data, trained);

        TensorMatrix New() => new(_neurons, batchSize);
    }

    /// <summary>Cells that a neuron's rows occupy, on average.</summary>
    public double OccupiedCells => (double)_occupied / _neurons / Math.Max(_steps, 1);

    /// <summary>Where the time went, over all steps so far.</summary>
    public KernelSplit Split()
    {
        double[] milliseconds = new double[Passes];
        for (int pass = 0; pass < Passes; pass++)
            milliseconds[pass] =
                1000.0 * _ticks.Sum(ticks => ticks[pass]) / Stopwatch.Frequency / _ticks.Length / Math.Max(_steps, 1);
        return new KernelSplit(
            milliseconds[0],
            milliseconds[1],
            milliseconds[2],
            milliseconds[3],
            milliseconds[4],
            milliseconds[5]
        );
    }

    public void Step()
    {
        _steps++;
        _team.Run(_neurons, this, static (step, neuron, thread) => step.Run(neuron, thread));
    }

    public void Dispose()
    {
        _team.Dispose();
        foreach (
            TensorMatrix matrix in (TensorMatrix[])[_f, _c, _l, _first, _second, _gradientF, _gradientC, _gradientL]
        )
            matrix.Dispose();
    }

    private void Run(int neuron, int thread)
    {
        KernelPasses passes = _passes[thread];
        long[] ticks = _ticks[thread];
        ReadOnlySpan<float> f = _f[neuron];
        ReadOnlySpan<float> c = _c[neuron];
        ReadOnlySpan<float> l = _l[neuron];
        long clock = Stopwatch.GetTimestamp();
        passes.FireFirst(f, c, _lateralBiases[neuron]);
        Lap(0);
        passes.Sample(_first[neuron], neuron, 2 * _steps);
        Lap(1);
        passes.FireSecond(f, c, l);
        Lap(0);
        passes.Sample(_second[neuron], neuron, 2 * _steps + 1);
        Lap(1);
        passes.Bin(f, c, l);
        Lap(2);
        passes.Count();
        Lap(3);
        passes.DifferentiateGoal();
        Lap(4);
        passes.DifferentiateActivation(f, c, l, _gradientF[neuron], _gradientC[neuron], _gradientL[neuron]);
        Lap(5);
        Interlocked.Add(ref _occupied, passes.OccupiedCells);

        void Lap(int pass)
        {
            long now = Stopwatch.GetTimestamp();
            ticks[pass] += now - clock;
            clock = now;
        }
    }

    // F, C and L of the network's next batch, L from a first presentation.
    private void Aggregate(BenchmarkData data, InfomorphicStep trained)
    {
        NetworkState state = trained.State;
        trained.Prepare();
        int[] rows = trained.Batch.ToArray();
        float[] row = new float[BenchmarkData.Features];
        using var features = new TensorMatrix(rows.Length, BenchmarkData.Features);
        for (int i = 0; i < rows.Length; i++)
        {
            data.Train.Features.CopyRow(rows[i], row);
            for (int feature = 0; feature < row.Length; feature++)
                features[i][feature] = (row[feature] - data.Scaling.Offsets[feature]) / data.Scaling.Scales[feature];
        }

        using TorchSharp.torch.Tensor transposed = features.Tensor.t();
        _f.Tensor.addmm_(Setup.Projection(state, 'F').Weights.Value.Tensor, transposed, beta: 0);
        for (int neuron = 0; neuron < _neurons; neuron++)
        {
            ReadOnlySpan<float> biases = state.Layers[0].Biases.Value[neuron];
            for (int i = 0; i < rows.Length; i++)
            {
                _f[neuron][i] += biases[0];
                _c[neuron][i] =
                    Setup.Projection(state, 'C').Weights.Value[neuron][data.Train.Labels[rows[i]]] + biases[1];
            }

            _passes[0].FireFirst(_f[neuron], _c[neuron], biases[2]);
            _passes[0].Sample(_first[neuron], neuron, 0);
        }

        for (int neuron = 0; neuron < _neurons; neuron++)
        {
            Span<float> l = _l[neuron];
            ReadOnlySpan<float> weights = Setup.Projection(state, 'L').Weights.Value[neuron];
            l.Fill(_lateralBiases[neuron]);
            for (int i = 0; i < weights.Length; i++)
            {
                int peer = Setup.Connections(state) is int[] connections ? connections[neuron * weights.Length + i] : i;
                ReadOnlySpan<float> outputs = _first[peer];
                for (int column = 0; column < l.Length; column++)
                    l[column] += weights[i] * outputs[column];
            }
        }
    }
}
