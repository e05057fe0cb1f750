using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Training.Cpu;

/// <summary>One thread's scratch memory for one neuron and the samples of a batch.</summary>
internal sealed class NeuronWorkspace
{
    private readonly AlignedArray<float> _scratch;
    private readonly AlignedArray<int> _cells;
    private readonly int _stride;
    private readonly VectorizedGoal?[] _goals;
    private int _samples;

    /// <param name="layers">The layers, for whose goals there are kernels.</param>
    /// <param name="maximumRows">Rows of the largest batch.</param>
    public NeuronWorkspace(IReadOnlyList<LayerState> layers, int maximumRows)
    {
        int maximumSamples = checked(maximumRows * layers.Max(layer => layer.PositionCount));

        // Layers of as many sources, bins and samples share a kernel and its tables.
        var kernels = new Dictionary<(int Sources, int Bins, int Samples), VectorizedGoal>();
        _goals = new VectorizedGoal?[layers.Count];
        foreach (LayerState layer in layers)
        {
            if (layer.Goal is null)
                continue;
            int samples = maximumRows * layer.PositionCount;
            var key = (layer.Goal.Lattice.SourceCount, layer.Binning.Count, samples);
            if (!kernels.TryGetValue(key, out VectorizedGoal? kernel))
                kernels.Add(key, kernel = new VectorizedGoal(new GoalTerms(layer.Goal), layer.Binning.Count, samples));
            _goals[layer.Index] = kernel;
        }

        // Rows of scratch are at least a cache line longer than the batch, lest the numbers of one row of the batch all
        // fall on the same offset of a page.
        _stride = (maximumSamples + 31) / 16 * 16;
        _scratch = new AlignedArray<float>(4 * _stride);
        _cells = new AlignedArray<int>(maximumSamples);
        _samples = maximumSamples;
    }

    /// <summary>θ of each sample.</summary>
    public Span<float> Theta => Part(0);

    /// <summary>1 − θ of each sample.</summary>
    public Span<float> Complement => Part(1);

    /// <summary>∂G/∂θ of each sample.</summary>
    public Span<float> Slope => Part(2);

    /// <summary>A source's input of each sample.</summary>
    public Span<float> Source => Part(3);

    /// <summary>The cell of each sample.</summary>
    public Span<int> Cells => _cells.Span[.._samples];

    /// <summary>The kernel of a layer's neurons, for whatever goal it is given.</summary>
    public VectorizedGoal GoalOf(int layer) => _goals[layer]!;

    /// <summary>Fits the spans to a number of samples.</summary>
    public void Resize(int samples) => _samples = samples;

    private Span<float> Part(int index) => _scratch.Span.Slice(index * _stride, _samples);
}
