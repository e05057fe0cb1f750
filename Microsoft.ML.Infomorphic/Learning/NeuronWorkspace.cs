using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Learning;

/// <summary>One thread's scratch memory for one neuron and the rows of a batch.</summary>
internal sealed class NeuronWorkspace
{
    private readonly AlignedArray<float> _scratch;
    private readonly AlignedArray<int> _cells;
    private readonly int _stride;
    private int _rows;

    public NeuronWorkspace(GoalTerms hidden, int hiddenBins, GoalTerms output, int outputBins, int maximumRows)
    {
        HiddenGoal = new VectorizedGoal(hidden, hiddenBins, maximumRows);
        OutputGoal = new VectorizedGoal(output, outputBins, maximumRows);

        // Rows of scratch are at least a cache line longer than the batch, lest the numbers of one row of the batch all
        // fall on the same offset of a page.
        _stride = (maximumRows + 31) / 16 * 16;
        _scratch = new AlignedArray<float>(4 * _stride);
        _cells = new AlignedArray<int>(maximumRows);
        _rows = maximumRows;
    }

    public VectorizedGoal HiddenGoal { get; }

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
