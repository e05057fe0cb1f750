using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>One thread's scratch memory for one neuron and the rows of a batch.</summary>
internal sealed class NeuronWorkspace
{
    private readonly AlignedArray<float> _scratch;
    private readonly AlignedArray<int> _cells;
    private readonly int _stride;
    private int _rows;

    public NeuronWorkspace(LayerGoal? hidden, LayerGoal output, int maximumRows)
    {
        HiddenGoal = hidden is null ? null : new VectorizedGoal(hidden.Terms, hidden.Bins, maximumRows);
        OutputGoal = new VectorizedGoal(output.Terms, output.Bins, maximumRows);

        // Rows of scratch are at least a cache line longer than the batch, lest the numbers of one row of the batch all
        // fall on the same offset of a page.
        _stride = (maximumRows + 31) / 16 * 16;
        _scratch = new AlignedArray<float>(4 * _stride);
        _cells = new AlignedArray<int>(maximumRows);
        _rows = maximumRows;
    }

    /// <summary>The kernel of hidden neurons, for whatever goal it is given; null where none learns.</summary>
    public VectorizedGoal? HiddenGoal { get; }

    /// <summary>The kernel of output neurons, for whatever goal it is given.</summary>
    public VectorizedGoal OutputGoal { get; }

    /// <summary>θ of each row.</summary>
    public Span<float> Theta => Part(0);

    /// <summary>1 − θ of each row.</summary>
    public Span<float> Complement => Part(1);

    /// <summary>∂G/∂θ of each row.</summary>
    public Span<float> Slope => Part(2);

    /// <summary>A source's input of each row.</summary>
    public Span<float> Source => Part(3);

    /// <summary>The cell of each row.</summary>
    public Span<int> Cells => _cells.Span[.._rows];

    /// <summary>Fits the spans to a batch.</summary>
    public void Resize(int rows) => _rows = rows;

    private Span<float> Part(int index) => _scratch.Span.Slice(index * _stride, _rows);
}

/// <summary>The goal of a layer's neurons as the kernels need it; the same for all threads.</summary>
/// <param name="Terms">The goal.</param>
/// <param name="Bins">Number of bins of each source.</param>
internal sealed record LayerGoal(GoalTerms Terms, int Bins)
{
    /// <summary>The goal of a layer, or null where it does not learn.</summary>
    public static LayerGoal? Of(LayerState? layer) =>
        layer?.Goal is null ? null : new LayerGoal(new GoalTerms(layer.Goal), layer.Binning.Count);
}
