// Sums over connections and their derivatives, one class for each way in which neurons are connected.
//
//   symbol   variable          shape                     unit
//   x        heard             inputs × rows             –
//   S        Sums              neurons × samples         –      S += W x, the biases come later
//   W        Weights.Value     neurons × connections     –
//   ∂G/∂S    Sums              neurons × samples         bit    after the neurons have learned
//   ∂G/∂W    Weights.Gradient  neurons × connections     bit    ∂G/∂W = ∂G/∂S xᵀ
//
// Products are cut into blocks, each of which one thread multiplies by itself: what a block holds, and so its every bit, does
// not depend on the number of threads.

using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training.Cpu;

/// <summary>A projection's part of a step on the CPU.</summary>
/// <param name="layer">The layer that hears.</param>
/// <param name="source">The place of its source.</param>
/// <param name="part">The projection's place in the source.</param>
internal abstract class CpuProjection(LayerState layer, int source, int part) : IDisposable
{
    public ProjectionState State { get; } = layer.Sources[source].Projections[part];

    protected LayerState Layer => layer;

    protected int Source => source;

    protected bool IsOwn { get; } = layer.Sources[source].Projections[part].Signal == Signal.Layer(layer.Index);

    /// <summary>How a projection is computed; null for that of the label, which neurons look up by class.</summary>
    public static CpuProjection? Create(LayerState layer, int source, int part)
    {
        ProjectionState projection = layer.Sources[source].Projections[part];
        bool isOwn = projection.Signal == Signal.Layer(layer.Index);
        if (projection.Signal.Kind == SignalKind.Label)
            return null;
        return projection.Connectivity switch
        {
            AllConnected when isOwn || layer.PositionCount == 1 => new DenseCpuProjection(layer, source, part),
            AllConnected => new RepeatedCpuProjection(layer, source, part),
            DrawnConnected when isOwn => new DrawnCpuProjection(layer, source, part),
            GroupConnected when layer.PositionCount == 1 => new GroupedCpuProjection(layer, source, part),
            SharedFields => new SharedCpuProjection(layer, source, part),
            _ => throw new NotSupportedException(
                $"{projection.Connectivity.GetType().Name} from {projection.Signal} is not trained on the CPU."
            ),
        };
    }

    /// <summary>Adds the weighted sums of what is heard to the source's sums, or makes them the sums.</summary>
    public abstract void Aggregate(in StepContext context, SignalView heard, bool add);

    /// <summary>Finds the derivative by the weights, from that by the sums.</summary>
    public abstract void Differentiate(in StepContext context, SignalView heard);

    public abstract void Dispose();

    protected LayerBuffers BuffersOf(in StepContext context) => context.Workers.Buffers.Layers[layer.Index];

    protected ProjectionBuffers OwnBuffersOf(in StepContext context) => BuffersOf(context).Projections[source][part]!;

    /// <summary>A part of a product that one thread multiplies.</summary>
    /// <param name="Results">What the blocks of the product are written to.</param>
    /// <param name="Left">The left factor.</param>
    /// <param name="Rights">The blocks of the right factor.</param>
    /// <param name="Add">Whether products are added to what is there.</param>
    protected readonly record struct BlockedProduct(
        MatrixView[] Results,
        MatrixView Left,
        MatrixView[] Rights,
        bool Add
    )
    {
        public void Run(WorkerTeam team) =>
            team.Run(
                Results.Length,
                this,
                static (product, block, _) =>
                    product.Results[block].SetToProduct(product.Left, product.Rights[block], product.Add)
            );
    }
}

/// <summary>Every neuron is connected to all inputs, of which most may be zero.</summary>
internal class DenseCpuProjection : CpuProjection
{
    private readonly MatrixView _weights;
    private readonly MatrixView[] _gradientBlocks;

    public DenseCpuProjection(LayerState layer, int source, int part)
        : base(layer, source, part)
    {
        TensorMatrix gradient = State.Weights.Gradient;
        _weights = MatrixView.OfRows(State.Weights.Value, 0, State.Weights.Value.Rows);
        _gradientBlocks =
        [
            .. SignalView
                .Blocks(gradient.Columns, SignalView.InputsPerBlock)
                .Select(block => MatrixView.OfColumns(gradient, block.First, block.Count)),
        ];
    }

    public override void Aggregate(in StepContext context, SignalView heard, bool add)
    {
        if (heard.Sparse is not SparseRows sparse)
        {
            Multiply(context, BuffersOf(context).SumBlocks[Source], heard, add);
            return;
        }

        context.Workers.Team.Run(
            Layer.NeuronCount,
            (Rows: sparse, Weights: State.Weights.Value, Sums: BuffersOf(context).Sums[Source], Add: add),
            static (of, neuron, _) => of.Rows.Aggregate(of.Weights[neuron], of.Sums[neuron], of.Add)
        );
    }

    public override void Differentiate(in StepContext context, SignalView heard)
    {
        if (heard.Sparse is SparseRows sparse)
        {
            context.Workers.Team.Run(
                Layer.NeuronCount,
                (Rows: sparse, Sums: BuffersOf(context).Sums[Source], State.Weights.Gradient),
                static (of, neuron, _) => of.Rows.Differentiate(of.Sums[neuron], of.Gradient[neuron])
            );
            return;
        }

        Differentiate(context, BuffersOf(context).AllSums[Source], heard);
        if (IsOwn)
            LayerState.ClearSelfConnections(State.Connectivity, State.Weights.Gradient);
    }

    public override void Dispose()
    {
        _weights.Dispose();
        foreach (MatrixView block in _gradientBlocks)
            block.Dispose();
    }

    protected void Multiply(in StepContext context, MatrixView[] sums, SignalView heard, bool add) =>
        new BlockedProduct(sums, _weights, heard.ForSums, add).Run(context.Workers.Team);

    protected void Differentiate(in StepContext context, MatrixView bySums, SignalView heard) =>
        new BlockedProduct(_gradientBlocks, bySums, heard.ForGradients, Add: false).Run(context.Workers.Team);
}

/// <summary>Neurons that share their weights over positions hear a signal that is the same at all of them.</summary>
internal sealed class RepeatedCpuProjection(LayerState layer, int source, int part)
    : DenseCpuProjection(layer, source, part)
{
    public override void Aggregate(in StepContext context, SignalView heard, bool add)
    {
        ProjectionBuffers own = OwnBuffersOf(context);
        TensorMatrix sums = BuffersOf(context).Sums[Source];
        Multiply(context, own.View.ForSums, heard, add: false);
        context.Workers.Team.Run(
            sums.Rows,
            (Sums: sums, Once: own.Matrix, Add: add),
            static (of, neuron, _) =>
            {
                ReadOnlySpan<float> once = of.Once[neuron];
                Span<float> samples = of.Sums[neuron];
                for (int start = 0; start < samples.Length; start += once.Length)
                {
                    Span<float> atPosition = samples.Slice(start, once.Length);
                    if (of.Add)
                        TensorPrimitives.Add(atPosition, once, atPosition);
                    else
                        once.CopyTo(atPosition);
                }
            }
        );
    }

    public override void Differentiate(in StepContext context, SignalView heard)
    {
        ProjectionBuffers own = OwnBuffersOf(context);
        TensorMatrix sums = BuffersOf(context).Sums[Source];
        context.Workers.Team.Run(
            sums.Rows,
            (Sums: sums, Once: own.Matrix),
            static (of, neuron, _) =>
            {
                Span<float> once = of.Once[neuron];
                ReadOnlySpan<float> samples = of.Sums[neuron];
                once.Clear();
                for (int start = 0; start < samples.Length; start += once.Length)
                    TensorPrimitives.Add(once, samples.Slice(start, once.Length), once);
            }
        );
        Differentiate(context, own.Whole!, heard);
    }
}

/// <summary>Neurons share their weights over fields: one product over rows × positions.</summary>
internal sealed class SharedCpuProjection(LayerState layer, int source, int part)
    : DenseCpuProjection(layer, source, part)
{
    private readonly SharedFields _fields = (SharedFields)layer.Sources[source].Projections[part].Connectivity;

    // What is heard does not change until the neurons have learned from it, so that it is gathered once.
    public override void Aggregate(in StepContext context, SignalView heard, bool add)
    {
        ProjectionBuffers own = OwnBuffersOf(context);
        context.Workers.Team.Run(
            _fields.PositionCount,
            (Fields: _fields, Heard: heard.Columns!, First: State.FirstInput, Gathered: own.Matrix),
            static (of, position, _) =>
            {
                int rows = of.Heard.Columns;
                ReadOnlySpan<int> inputs = of.Fields.AtPosition(position);
                for (int i = 0; i < inputs.Length; i++)
                    of.Heard[of.First + inputs[i]].CopyTo(of.Gathered[i].Slice(position * rows, rows));
            }
        );
        Multiply(context, BuffersOf(context).SumBlocks[Source], own.View, add);
    }

    public override void Differentiate(in StepContext context, SignalView heard) =>
        Differentiate(context, BuffersOf(context).AllSums[Source], OwnBuffersOf(context).View);
}

/// <summary>Groups of neurons that are connected to inputs of their own: a product each.</summary>
internal sealed class GroupedCpuProjection(LayerState layer, int source, int part) : CpuProjection(layer, source, part)
{
    private readonly GroupConnected _groups = (GroupConnected)layer.Sources[source].Projections[part].Connectivity;

    public override void Aggregate(in StepContext context, SignalView heard, bool add) =>
        context.Workers.Team.Run(
            _groups.GroupCount,
            (Projection: this, Heard: heard.Columns!, Sums: BuffersOf(context).Sums[Source], Add: add),
            static (of, group, _) =>
            {
                GroupConnected groups = of.Projection._groups;
                int first = group * groups.NeuronsPerGroup;
                GroupProducts.Aggregate(
                    of.Projection.State.Weights.Value.From(first),
                    of.Heard.From(of.Projection.State.FirstInput),
                    groups.OfGroup(group),
                    of.Sums.From(first),
                    groups.NeuronsPerGroup,
                    of.Sums.Columns,
                    of.Add
                );
            }
        );

    public override void Differentiate(in StepContext context, SignalView heard)
    {
        context.Workers.Team.Run(
            _groups.GroupCount,
            (Projection: this, Heard: heard.Columns!, Sums: BuffersOf(context).Sums[Source]),
            static (of, group, _) =>
            {
                GroupConnected groups = of.Projection._groups;
                int first = group * groups.NeuronsPerGroup;
                GroupProducts.Differentiate(
                    of.Sums.From(first),
                    of.Heard.From(of.Projection.State.FirstInput),
                    groups.OfGroup(group),
                    of.Projection.State.Weights.Gradient.From(first),
                    groups.NeuronsPerGroup,
                    of.Sums.Columns
                );
            }
        );
        if (IsOwn)
            LayerState.ClearSelfConnections(_groups, State.Weights.Gradient);
    }

    public override void Dispose() { }
}

/// <summary>Neurons of a layer that are connected to others of it, drawn at random.</summary>
internal sealed unsafe class DrawnCpuProjection(LayerState layer, int source, int part)
    : CpuProjection(layer, source, part)
{
    private const int NeuronsPerItem = 16;

    private readonly DrawnConnected _drawn = (DrawnConnected)layer.Sources[source].Projections[part].Connectivity;

    private int Items => (Layer.NeuronCount + NeuronsPerItem - 1) / NeuronsPerItem;

    public override void Aggregate(in StepContext context, SignalView heard, bool add)
    {
        if (add)
            throw new NotSupportedException("Drawn connections are the first that a source has.");
        int tiles = SparseProducts.TileCount(BuffersOf(context).SampleCount);
        for (int tile = 0; tile < tiles; tile++)
            context.Workers.Team.Run(
                Items,
                (Projection: this, Buffers: BuffersOf(context), Tile: tile),
                static (of, item, _) => of.Projection.AggregateTile(of.Buffers, of.Tile, item)
            );
    }

    public override void Differentiate(in StepContext context, SignalView heard)
    {
        int tiles = SparseProducts.TileCount(BuffersOf(context).SampleCount);
        for (int tile = 0; tile < tiles; tile++)
            context.Workers.Team.Run(
                Items,
                (Projection: this, Buffers: BuffersOf(context), Tile: tile),
                static (of, item, _) => of.Projection.DifferentiateTile(of.Buffers, of.Tile, item)
            );
    }

    public override void Dispose() { }

    private void AggregateTile(LayerBuffers buffers, int tile, int item)
    {
        int end = Math.Min((item + 1) * NeuronsPerItem, Layer.NeuronCount);
        for (int neuron = item * NeuronsPerItem; neuron < end; neuron++)
            SparseProducts.Aggregate(
                State.Weights.Value[neuron],
                _drawn.Of(neuron),
                buffers.TileOf(tile),
                SparseProducts.TileRows,
                tile,
                buffers.Sums[Source][neuron]
            );
    }

    private void DifferentiateTile(LayerBuffers buffers, int tile, int item)
    {
        int end = Math.Min((item + 1) * NeuronsPerItem, Layer.NeuronCount);
        for (int neuron = item * NeuronsPerItem; neuron < end; neuron++)
            SparseProducts.Differentiate(
                buffers.Sums[Source][neuron],
                _drawn.Of(neuron),
                buffers.TileOf(tile),
                SparseProducts.TileRows,
                tile,
                State.Weights.Gradient[neuron]
            );
    }
}
