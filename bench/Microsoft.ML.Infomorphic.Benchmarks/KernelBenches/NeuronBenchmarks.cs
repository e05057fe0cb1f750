using BenchmarkDotNet.Attributes;
using Microsoft.ML.Infomorphic.Benchmarks.Contenders;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Benchmarks.KernelBenches;

/// <summary>How many cells the rows of a batch occupy.</summary>
public enum Occupancy
{
    /// <summary>About as many as those of a neuron trained on MNIST: a few dozen.</summary>
    Trained,

    /// <summary>Some hundreds.</summary>
    High,
}

/// <summary>One hidden neuron's share of a step, pass by pass.</summary>
public class NeuronBenchmarks
{
    private readonly TrainingSettings _settings = Setup.Settings(hidden: 100, lateral: 100);
    private readonly double[] _redundancies = new double[GoalFunctions.OptimizedTpe1.Lattice.Antichains.Count];
    private KernelPasses _passes = null!;
    private float[] _f = null!;
    private float[] _c = null!;
    private float[] _l = null!;
    private float[] _outputs = null!;
    private float[] _gradientF = null!;
    private float[] _gradientC = null!;
    private float[] _gradientL = null!;

    /// <summary>Rows in a batch.</summary>
    [Params(1024)]
    public int Rows { get; set; }

    /// <summary>How many cells the rows occupy.</summary>
    [Params(Occupancy.Trained, Occupancy.High)]
    public Occupancy Cells { get; set; }

    /// <summary>Draws F and L from normal distributions, C from ten values, and runs all passes once.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        var random = new RandomStream(1, 0);
        _passes = new KernelPasses(_settings.HiddenLayers[0], _settings.Seed, Rows);
        (_f, _c, _l, _outputs) = (new float[Rows], new float[Rows], new float[Rows], new float[Rows]);
        (_gradientF, _gradientC, _gradientL) = (new float[Rows], new float[Rows], new float[Rows]);

        // Standard deviations as of neurons trained on MNIST, and as of neurons that use all their sources' bins.
        (float f, float c, float l) = Cells == Occupancy.Trained ? (12f, 0.3f, 0.5f) : (8f, 4f, 4f);
        float[] byClass = [.. Enumerable.Range(0, BenchmarkData.Classes).Select(_ => c * Normal(random))];
        for (int row = 0; row < Rows; row++)
        {
            _f[row] = f * Normal(random);
            _c[row] = byClass[random.NextInteger(BenchmarkData.Classes)];
            _l[row] = l * Normal(random);
        }

        FireSecond();
        Bin();
        Count();
        DifferentiateGoal();
        Console.WriteLine($"// {_passes.OccupiedCells} occupied cells");
    }

    /// <summary>Activation of the first presentation.</summary>
    [Benchmark]
    public void FireFirst() => _passes.FireFirst(_f, _c, 0.1f);

    /// <summary>Activation of the second presentation.</summary>
    [Benchmark]
    public void FireSecond() => _passes.FireSecond(_f, _c, _l);

    /// <summary>Sampling (Philox).</summary>
    [Benchmark]
    public void Sample() => _passes.Sample(_outputs, neuron: 1, step: 1);

    /// <summary>Binning of three sources.</summary>
    [Benchmark]
    public void Bin() => _passes.Bin(_f, _c, _l);

    /// <summary>Histogram and marginals.</summary>
    [Benchmark]
    public void Count() => _passes.Count();

    /// <summary>The goal's gradient.</summary>
    [Benchmark]
    public void DifferentiateGoal() => _passes.DifferentiateGoal();

    /// <summary>All redundancies, as measured on a few batches of an epoch.</summary>
    [Benchmark]
    public double Measure() => _passes.Goal.Measure(_redundancies);

    /// <summary>The activation's gradient.</summary>
    [Benchmark]
    public void DifferentiateActivation() =>
        _passes.DifferentiateActivation(_f, _c, _l, _gradientF, _gradientC, _gradientL);

    // Box and Muller (1958).
    private static float Normal(RandomStream random) =>
        MathF.Sqrt(-2 * MathF.Log(1 - random.NextUniform())) * MathF.Cos(2 * MathF.PI * random.NextUniform());
}
