using BenchmarkDotNet.Attributes;
using Microsoft.ML.Infomorphic.Training;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Benchmarks.KernelBenches;

/// <summary>The optimiser's update of one neuron's weights.</summary>
public class OptimizerBenchmarks
{
    // Without decay: the gradient stays as it is here, and weights that settle where decay cancels it would leave moments
    // too small for normal numbers, which are slow.
    private readonly AdamSettings _settings = new(0.002, WeightDecay: 0);
    private Parameter _parameter = null!;
    private long _step;

    /// <summary>Weights of the neuron: lateral connections, and features.</summary>
    [Params(100, 784)]
    public int Weights { get; set; }

    /// <summary>Makes weights and gradients.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        TorchRuntime.EnsureLoaded();
        _parameter = new Parameter(1, Weights);
        for (int i = 0; i < Weights; i++)
        {
            _parameter.Value[0][i] = MathF.Sin(i);
            _parameter.Gradient[0][i] = MathF.Cos(i);
        }
    }

    /// <summary>Frees them.</summary>
    [GlobalCleanup]
    public void CleanUp() => _parameter.Dispose();

    /// <summary>One step of Adam.</summary>
    [Benchmark]
    public void Update() => _parameter.Update(0, _settings, ++_step);
}
