using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Kernels;

namespace Microsoft.ML.Infomorphic.Networks;

/// <summary>Mean pooling: the positions of a layer's neurons are divided into a grid of cells, whose means are passed on.</summary>
/// <param name="Rows">Cells from top to bottom, at least 1.</param>
/// <param name="Columns">Cells from left to right, at least 1.</param>
public sealed record Pooling(int Rows, int Columns)
{
    /// <summary>Number of cells.</summary>
    public int Count => Rows * Columns;

    /// <summary>The cell of each position of a grid, both row by row.</summary>
    internal int[] CellsOf(FieldGrid positions)
    {
        int[] cells = new int[positions.Count];
        for (int i = 0; i < cells.Length; i++)
        {
            int row = i / positions.Columns * Rows / positions.Rows;
            int column = i % positions.Columns * Columns / positions.Columns;
            cells[i] = row * Columns + column;
        }

        return cells;
    }
}

/// <summary>
/// A layer of neurons that share a goal but no gradient; or, where there is no goal, of fixed neurons that never learn.
/// </summary>
public sealed class InfomorphicLayer
{
    /// <summary>The neurons of a layer have, at all their positions, at most so many outputs together.</summary>
    public const int MaximumOutputs = 1 << 24;

    /// <summary>Creates a layer.</summary>
    /// <param name="sources">The sources, in the order of the goal's letters.</param>
    /// <param name="goal">The goal of each neuron; null for a layer that does not learn.</param>
    /// <param name="activation">The activation function.</param>
    /// <param name="binning">The binning of the sources; not used where there is no goal.</param>
    /// <param name="pooling">
    /// How the positions of its neurons are pooled before their outputs are passed on; null where they are not, or where each
    /// neuron is at one alone.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The goal names other sources, the activation takes another number of them, they are of different sizes, or positions
    /// are pooled that are not there.
    /// </exception>
    public InfomorphicLayer(
        IReadOnlyList<Source> sources,
        GoalFunction? goal,
        Activation activation,
        Binning binning,
        Pooling? pooling = null
    )
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentNullException.ThrowIfNull(activation);
        ArgumentNullException.ThrowIfNull(binning);
        string symbols = string.Concat(sources.Select(source => source.Symbol));
        if (sources.Count == 0)
            throw new ArgumentException("A layer has at least one source.");
        if (goal is not null && symbols != goal.Sources)
            throw new ArgumentException(
                $"The goal weighs the sources {goal.Sources}, the layer has the sources {symbols}."
            );
        if (activation.SourceCount is int count && count != sources.Count)
            throw new ArgumentException(
                $"A {activation.GetType().Name} takes {count} sources, and the layer has the sources {symbols}."
            );
        if (goal is not null && activation is StepActivation)
            throw new ArgumentException("Neurons with a step for their activation do not learn, and have no goal.");
        if (sources.Any(source => source.NeuronCount != sources[0].NeuronCount))
            throw new ArgumentException("All sources of a layer must feed the same number of neurons.");
        activation.Validate();
        binning.Validate();

        Sources = sources;
        Goal = goal;
        Activation = activation;
        Binning = binning;
        Pooling = pooling;
        Positions = FindPositions(sources, pooling);
        if ((long)PositionCount * NeuronCount > MaximumOutputs)
            throw new ArgumentException(
                $"{NeuronCount} neurons at {PositionCount} positions have more than {MaximumOutputs} outputs a row."
            );
    }

    /// <summary>The sources, in the order of the goal's letters.</summary>
    public IReadOnlyList<Source> Sources { get; }

    /// <summary>The goal that each neuron maximises; null where the layer does not learn.</summary>
    public GoalFunction? Goal { get; }

    /// <summary>The activation function.</summary>
    public Activation Activation { get; }

    /// <summary>The binning of the sources.</summary>
    public Binning Binning { get; }

    /// <summary>How the positions of its neurons are pooled before their outputs are passed on; null where they are not.</summary>
    public Pooling? Pooling { get; }

    /// <summary>The positions that its neurons are at, with the same weights; null where each is at one alone.</summary>
    public FieldGrid? Positions { get; }

    /// <summary>Number of neurons N.</summary>
    public int NeuronCount => Sources[0].NeuronCount;

    /// <summary>Number of positions of each neuron.</summary>
    internal int PositionCount => Positions?.Count ?? 1;

    /// <summary>Number of cells that positions are pooled to.</summary>
    internal int CellCount => Pooling?.Count ?? PositionCount;

    /// <summary>
    /// Number of outputs that the layer passes on: one a neuron and cell. Output c·N + n is neuron n's in cell c.
    /// </summary>
    public int OutputCount => CellCount * NeuronCount;

    /// <summary>Whether another layer differs from this one in numbers and drawn connections alone.</summary>
    internal bool IsShapedLike(InfomorphicLayer other)
    {
        return Activation.Equals(other.Activation)
            && Goal is null == other.Goal is null
            && PositionCount == other.PositionCount
            && Equals(Pooling, other.Pooling)
            && Shape(this).SequenceEqual(Shape(other));

        static IEnumerable<(char, Signal, Type, int, int, int)> Shape(InfomorphicLayer layer) =>
            from source in layer.Sources
            from projection in source.Projections
            let connectivity = projection.Connectivity
            select (
                source.Symbol,
                projection.Signal,
                connectivity.GetType(),
                connectivity.NeuronCount,
                connectivity.InputCount,
                connectivity.ConnectionsPerNeuron
            );
    }

    /// <summary>The one position grid of the sources' projections.</summary>
    internal static FieldGrid? FindPositions(IEnumerable<Source> sources, Pooling? pooling) =>
        FindPositions(
            sources.SelectMany(source => source.Projections).Select(projection => projection.Connectivity),
            pooling
        );

    /// <summary>The one position grid of all that have one.</summary>
    internal static FieldGrid? FindPositions(IEnumerable<Connectivity> connectivities, Pooling? pooling)
    {
        FieldGrid[] grids = [.. connectivities.OfType<SharedFields>().Select(shared => shared.Grid)];
        FieldGrid? positions = grids.FirstOrDefault();
        if (grids.Any(grid => (grid.Rows, grid.Columns) != (positions!.Rows, positions.Columns)))
            throw new ArgumentException("All shared fields of a layer must have the same positions.");
        if (pooling is null)
            return positions;
        if (positions is null)
            throw new ArgumentException(
                "Positions are pooled, and the layer has none: its neurons share no weights over an image."
            );
        if (
            pooling.Rows < 1
            || pooling.Columns < 1
            || pooling.Rows > positions.Rows
            || pooling.Columns > positions.Columns
        )
            throw new ArgumentException(
                $"{positions.Rows} × {positions.Columns} positions cannot be pooled to {pooling.Rows} × {pooling.Columns} cells."
            );
        return positions;
    }
}
