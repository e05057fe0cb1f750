// A layer's part of a step on the CPU (arXiv 2412.02482, algorithms 1 and 2).
//
//   symbol     variable                  shape               unit
//   F, C, L    Sums                      neurons × samples   –      aggregated inputs, overwritten by ∂G/∂F, ∂G/∂C, ∂G/∂L
//   y          Fired, FiredEarlier       neurons × samples   ±1     outputs of the last visit, and of those before
//   θ          workspace.Theta           samples             probability

using System.Numerics.Tensors;
using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training.Torch;

namespace Microsoft.ML.Infomorphic.Training.Cpu;

/// <summary>A layer's part of a step on the CPU. Whoever works on it comes to the same bits.</summary>
internal sealed class CpuLayer : IDisposable
{
    private readonly LayerState _layer;
    private readonly CpuProjection?[][] _projections;
    private readonly GoalTerms? _goal;
    private readonly uint _firstStream;
    private readonly bool _isHeard;

    /// <param name="network">The network.</param>
    /// <param name="index">The layer's place.</param>
    public CpuLayer(NetworkState network, int index)
    {
        _layer = network.Layers[index];
        _projections =
        [
            .. _layer.Sources.Select(
                (source, place) =>
                    source.Projections.Select((_, part) => CpuProjection.Create(_layer, place, part)).ToArray()
            ),
        ];
        _goal = _layer.Goal is null ? null : new GoalTerms(_layer.Goal);
        _firstStream = (uint)network.Layers.Take(index).Sum(layer => layer.NeuronCount);
        _isHeard = network.IsHeard(index);
    }

    /// <summary>Aggregates the sources whose turn it is, but for their biases.</summary>
    public void Aggregate(in StepContext context, Visit visit)
    {
        for (int source = 0; source < _projections.Length; source++)
        {
            if (visit.Turns[source] != SourceTurn.Aggregated)
                continue;
            bool add = false;
            foreach (CpuProjection? projection in _projections[source])
            {
                if (projection is null || !visit.Hears(projection.State.Signal))
                    continue;
                projection.Aggregate(context, Heard(context, visit, projection), add);
                add = true;
            }
        }

        Note(context, StepPart.Products);
    }

    /// <summary>
    /// The neurons fire and pass their outputs on: samples in training, else means. In their last visit of a training step,
    /// the sums are then overwritten by the goal's derivative by them.
    /// </summary>
    public void Fire(in StepContext context, Visit visit)
    {
        LayerBuffers buffers = BuffersOf(context);
        foreach (NeuronWorkspace workspace in context.Workers.Workspaces)
            workspace.Resize(buffers.SampleCount);
        context.Workers.Team.Run(
            _layer.NeuronCount,
            (Layer: this, Context: context, Visit: visit),
            static (of, neuron, thread) =>
                of.Layer.Fire(of.Context, of.Visit, neuron, of.Context.Workers.Workspaces[thread])
        );
        if (buffers.PassItems > 0 && PassesOn(context, visit))
            context.Workers.Team.Run(
                buffers.PassItems,
                (Buffers: buffers, visit.IsLast),
                static (of, output, _) => of.Buffers.Pass(output, of.IsLast)
            );
        Note(context, StepPart.Kernel);
    }

    /// <summary>The derivative by the weights, and one step of the optimiser.</summary>
    public void Learn(in StepContext context, Visit visit)
    {
        if (!context.IsTraining || !_layer.Learns)
            return;
        if (_layer.IsSoftmax)
            AscendLikelihood(context);
        for (int source = 0; source < _projections.Length; source++)
            foreach (CpuProjection? projection in _projections[source])
                if (projection is not null && visit.Hears(projection.State.Signal))
                    projection.Differentiate(context, Heard(context, visit, projection));
        Note(context, StepPart.Products);
        context.Workers.Team.Run(
            _layer.NeuronCount,
            (Layer: _layer, context.Step, context.RateFactor),
            static (of, neuron, _) =>
            {
                foreach (Parameter parameter in of.Layer.Parameters)
                    parameter.Update(neuron, of.Layer.Optimizer, of.Step, of.RateFactor);
            }
        );
        Note(context, StepPart.Optimizer);
    }

    public void Dispose()
    {
        foreach (CpuProjection? projection in _projections.SelectMany(of => of))
            projection?.Dispose();
    }

    private LayerBuffers BuffersOf(in StepContext context) => context.Workers.Buffers.Layers[_layer.Index];

    private SignalView Heard(in StepContext context, Visit visit, CpuProjection projection) =>
        context.Workers.Buffers.Heard(
            _layer,
            projection.State,
            context.Schedule.HearsEarlier(visit, projection.State.Signal)
        );

    // Steps alone are timed.
    private static void Note(in StepContext context, StepPart part)
    {
        if (context.IsTraining)
            context.Workers.Timings.Add(part);
    }

    // A layer that passes on means has done so before the step.
    private bool PassesOn(in StepContext context, Visit visit) =>
        !visit.IsLast || _isHeard && !(context.IsTraining && _layer.PassesOn == PassedOutputs.Mean);

    private void Fire(in StepContext context, Visit visit, int neuron, NeuronWorkspace workspace)
    {
        LayerBuffers buffers = BuffersOf(context);
        TensorMatrix[] sums = buffers.Sums;
        for (int source = 0; source < sums.Length; source++)
            Complete(context, visit, buffers, source, neuron);
        bool learns = context.IsTraining && visit.IsLast && _goal is not null;
        bool passesOn = PassesOn(context, visit);
        if (!learns && !passesOn)
            return;

        ReadOnlySpan<float> f = sums[0][neuron];
        Span<float> outputs = passesOn ? (visit.IsLast ? buffers.Fired : buffers.FiredEarlier)![neuron] : default;
        if (_layer.Activation is StepActivation)
        {
            // The random projection: 1 where F is positive, else 0.
            for (int sample = 0; sample < outputs.Length; sample++)
                outputs[sample] = f[sample] > 0 ? 1 : 0;
            return;
        }

        if (_layer.Activation is FeedforwardActivation)
            VectorizedActivation.Fire(f, workspace.Theta, workspace.Complement);
        else
            VectorizedActivation.Fire(
                _layer.Activation,
                f,
                sums[1][neuron],
                sums.Length > 2 ? sums[2][neuron] : default,
                workspace.Theta,
                workspace.Complement
            );
        if (passesOn && context.IsTraining)
        {
            int counters = RandomStreams.CountersOf(context.Schedule.Presentations);
            ulong counter = (ulong)counters * (ulong)context.Step + (ulong)visit.Presentation;
            Philox.Sample(workspace.Theta, outputs, _firstStream + (uint)neuron, counter, context.Seed);
        }
        else if (passesOn)
        {
            TensorPrimitives.Subtract(workspace.Theta, workspace.Complement, outputs);
        }

        if (passesOn && !visit.IsLast)
            buffers.CopyToTiles(neuron);
        if (learns)
            Learn(context, buffers, neuron, workspace);
    }

    // A neuron's sums with their bias and what the label adds.
    private void Complete(in StepContext context, Visit visit, LayerBuffers buffers, int source, int neuron)
    {
        SourceTurn turn = visit.Turns[source];
        if (turn == SourceTurn.Kept)
            return;
        Span<float> sums = buffers.Sums[source][neuron];
        float bias = _layer.Biases.Value[neuron][source];
        bool isEmpty = true;
        for (int part = 0; part < _projections[source].Length; part++)
        {
            if (_projections[source][part] is CpuProjection projection)
                isEmpty &= !visit.Hears(projection.State.Signal);
        }

        if (turn == SourceTurn.Silent || isEmpty)
            sums.Fill(bias);
        else
            TensorPrimitives.Add(sums, bias, sums);
        if (turn == SourceTurn.Silent || !context.IsTraining || LabelOf(source) is not ProjectionState label)
            return;
        ReadOnlySpan<float> byClass = label.Weights.Value[neuron];
        ReadOnlySpan<int> labels = buffers.Labels;
        if (isEmpty && sums.Length == labels.Length)
        {
            for (int row = 0; row < sums.Length; row++)
                sums[row] = byClass[labels[row]] + bias;
            return;
        }

        for (int start = 0; start < sums.Length; start += labels.Length)
        for (int row = 0; row < labels.Length; row++)
            sums[start + row] += byClass[labels[row]];
    }

    private ProjectionState? LabelOf(int source)
    {
        for (int part = 0; part < _projections[source].Length; part++)
            if (_projections[source][part] is null)
                return _layer.Sources[source].Projections[part];
        return null;
    }

    // From the sources and θ to the goal's derivative by the sources.
    private void Learn(in StepContext context, LayerBuffers buffers, int neuron, NeuronWorkspace workspace)
    {
        TensorMatrix[] sums = buffers.Sums;
        Binning binning = _layer.Binning;
        Span<int> cells = workspace.Cells;
        cells.Clear();
        int stride = 1;
        foreach (TensorMatrix source in sums)
        {
            VectorizedBinning.Accumulate(binning, source[neuron], cells, stride);
            stride *= binning.Count;
        }

        if (_layer.HasOwnLabel)
        {
            // The neuron's own element of the one-hot label.
            Span<float> own = workspace.Source;
            ReadOnlySpan<int> labels = buffers.Labels;
            for (int row = 0; row < own.Length; row++)
                own[row] = labels[row] == neuron ? 1 : 0;
            VectorizedBinning.Accumulate(binning, own, cells, stride);
        }

        Span<float> theta = workspace.Theta;
        Span<float> complement = workspace.Complement;
        Span<float> slope = workspace.Slope;
        VectorizedGoal goal = workspace.GoalOf(_layer.Index);
        goal.Terms = _goal!;
        goal.Count(cells, theta, complement, buffers.Mass);
        context.Statistics?.Layers[_layer.Index]?.Add(neuron, goal);
        goal.Differentiate(buffers.Mass, slope);
        Span<float> f = sums[0][neuron];
        switch (_layer.Activation)
        {
            case ModulatedActivation modulated:
                Span<float> c = sums[1][neuron];
                Span<float> l = sums[2][neuron];
                VectorizedActivation.Differentiate(modulated, f, c, l, theta, complement, slope, f, c, l);
                break;
            case BivariateActivation bivariate:
                Span<float> second = sums[1][neuron];
                VectorizedActivation.Differentiate(bivariate, f, second, theta, complement, slope, f, second);
                break;
            default:
                VectorizedActivation.Differentiate(theta, complement, slope, f);
                break;
        }

        Span<float> biases = _layer.Biases.Gradient[neuron];
        for (int source = 0; source < sums.Length; source++)
        {
            biases[source] = TensorPrimitives.Sum<float>(sums[source][neuron]);
            if (LabelOf(source) is ProjectionState label)
                AddByClass(sums[source][neuron], buffers.Labels, label.Weights.Gradient[neuron]);
        }
    }

    // The delta rule: the mean log-likelihood's derivative by the sums is mass · (own label − probability).
    private void AscendLikelihood(in StepContext context)
    {
        const int RowsPerItem = 64;
        LayerBuffers buffers = BuffersOf(context);
        context.Workers.Team.Run(
            (buffers.SampleCount + RowsPerItem - 1) / RowsPerItem,
            buffers,
            static (buffers, item, _) =>
            {
                TensorMatrix sums = buffers.Sums[0];
                int first = item * RowsPerItem;
                int rows = Math.Min(RowsPerItem, buffers.SampleCount - first);
                Span<float> largest = stackalloc float[rows];
                Span<float> totals = stackalloc float[rows];
                largest.Fill(float.NegativeInfinity);
                totals.Clear();
                for (int neuron = 0; neuron < sums.Rows; neuron++)
                    TensorPrimitives.Max(largest, sums[neuron].Slice(first, rows), largest);
                for (int neuron = 0; neuron < sums.Rows; neuron++)
                {
                    Span<float> powers = sums[neuron].Slice(first, rows);
                    TensorPrimitives.Subtract(powers, largest, powers);
                    TensorPrimitives.Exp(powers, powers);
                    TensorPrimitives.Add(totals, powers, totals);
                }

                Span<float> scales = totals;
                TensorPrimitives.Divide(buffers.Mass.AsSpan(first, rows), totals, scales);
                for (int neuron = 0; neuron < sums.Rows; neuron++)
                {
                    Span<float> slopes = sums[neuron].Slice(first, rows);
                    TensorPrimitives.Multiply(slopes, scales, slopes);
                    TensorPrimitives.Negate(slopes, slopes);
                }

                for (int row = 0; row < rows; row++)
                    sums[buffers.Labels[first + row]][first + row] += buffers.Mass[first + row];
            }
        );
        for (int neuron = 0; neuron < _layer.NeuronCount; neuron++)
            _layer.Biases.Gradient[neuron][0] = TensorPrimitives.Sum<float>(buffers.Sums[0][neuron]);
    }

    private static void AddByClass(ReadOnlySpan<float> bySamples, ReadOnlySpan<int> labels, Span<float> byClass)
    {
        byClass.Clear();
        for (int start = 0; start < bySamples.Length; start += labels.Length)
        for (int row = 0; row < labels.Length; row++)
            byClass[labels[row]] += bySamples[start + row];
    }
}
