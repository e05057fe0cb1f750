using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>
/// The gradients of one training step (arXiv 2412.02482, algorithms 1 and 2) of a network of any layers: the specification of
/// the engines. Loops, double precision, the specification of a neuron, and the same random numbers as the engines.
/// </summary>
/// <remarks>
/// All presentations are gone through in full, layer by layer from the bottom up. A layer hears what is below it in the same
/// presentation, itself and what is above it as they were in the one before, and nothing of these in the first. The last
/// presentation is learned from.
/// </remarks>
internal sealed class NaiveStep
{
    private readonly NetworkState _state;
    private readonly TrainingSettings _settings;
    private readonly ulong _step;
    private readonly int[] _labels;
    private readonly float[] _mass;
    private readonly double[][] _features;
    private readonly int _presentations;

    public NaiveStep(NetworkState state, TrainingSettings settings, LabeledRows rows, int[] batch, int step)
    {
        _state = state;
        _settings = settings;
        _step = (ulong)step;
        double total = batch.Sum(row => (double)(rows.Weights?[row] ?? 1));
        _mass = [.. batch.Select(row => (float)((rows.Weights?[row] ?? 1) / total))];
        _labels = [.. batch.Select(row => rows.Labels[row])];

        // Inputs × rows, as everything below.
        _features =
        [
            .. Enumerable
                .Range(0, state.Scaling.FeatureCount)
                .Select(i =>
                    batch
                        .Select(row =>
                            ((double)Problems.FeaturesOf(rows, row)[i] - state.Scaling.Offsets[i])
                            / state.Scaling.Scales[i]
                        )
                        .ToArray()
                ),
        ];
        _presentations = state.Layers.Any(layer => Changes(layer.Index)) ? settings.Presentations : 1;
        double[][][] means = Present(withLabel: false, means: null);
        Present(withLabel: true, means);
    }

    /// <summary>
    /// How close a random number came to a probability, or an aggregated input to an edge, in units of bins: where that
    /// is far above single precision's rounding, both precisions take the same decisions.
    /// </summary>
    public double Margin { get; private set; } = double.PositiveInfinity;

    /// <summary>The mean goal of each layer's neurons, in bits; NaN where they do not learn.</summary>
    public double[] Goals { get; private set; } = [];

    /// <summary>
    /// For each layer, the gradients by its parameters, in their order: the weights of each projection, then the biases; none
    /// where it does not learn.
    /// </summary>
    public double[][][][] Gradients { get; private set; } = [];

    // All presentations of all layers; returns what each layer passes on in the last one, outputs × rows.
    private double[][][] Present(bool withLabel, double[][][]? means)
    {
        int layers = _state.Layers.Count;
        var earlier = new Outputs?[layers];
        Goals = [.. Enumerable.Repeat(double.NaN, layers)];
        Gradients = [.. Enumerable.Repeat<double[][][]>([], layers)];
        for (int p = 0; ; p++)
        {
            bool isLast = p == _presentations - 1;
            var now = new Outputs?[layers];
            foreach (LayerState layer in _state.Layers)
            {
                double[][][] sums =
                [
                    .. layer.Sources.Select((_, place) => Sum(layer, place, now, earlier, withLabel, means)),
                ];
                double[][] fired = Fire(layer, sums, withLabel, p);
                now[layer.Index] = new Outputs(fired, Pool(layer, fired));
                if (isLast && withLabel && layer.Learns)
                    Learn(layer, sums, now, earlier, means!);
            }

            if (isLast)
                return [.. now.Select(outputs => outputs!.Passed)];
            earlier = now;
        }
    }

    // What a projection hears: inputs × rows, or for the layer itself neurons × samples; null for nothing.
    private double[][]? Heard(
        LayerState layer,
        ProjectionState projection,
        Outputs?[] now,
        Outputs?[] earlier,
        bool withLabel,
        double[][][]? means
    )
    {
        Signal signal = projection.Signal;
        switch (signal.Kind)
        {
            case SignalKind.Features:
                return _features;
            case SignalKind.Label:
                return withLabel
                    ?
                    [
                        .. Enumerable
                            .Range(0, _state.ClassCount)
                            .Select(k => Array.ConvertAll(_labels, l => l == k ? 1.0 : 0)),
                    ]
                    : null;
            default:
                if (signal.Index == layer.Index)
                    return earlier[signal.Index]?.Fired;
                if (signal.Index > layer.Index)
                    return earlier[signal.Index]?.Passed;
                return means is not null && _state.Layers[signal.Index].PassesOn == PassedOutputs.Mean
                    ? means[signal.Index]!
                    : now[signal.Index]!.Passed;
        }
    }

    // A source's sums, neurons × samples.
    private double[][] Sum(
        LayerState layer,
        int place,
        Outputs?[] now,
        Outputs?[] earlier,
        bool withLabel,
        double[][][]? means
    )
    {
        double[][] sums = new double[layer.NeuronCount][];
        for (int neuron = 0; neuron < sums.Length; neuron++)
        {
            sums[neuron] = new double[layer.PositionCount * _labels.Length];
            Array.Fill(sums[neuron], layer.Biases.Value[neuron][place]);
        }

        foreach (ProjectionState projection in layer.Sources[place].Projections)
        {
            if (Heard(layer, projection, now, earlier, withLabel, means) is not double[][] heard)
                continue;
            for (int neuron = 0; neuron < sums.Length; neuron++)
            for (int sample = 0; sample < sums[neuron].Length; sample++)
            {
                int[] inputs = projection.Connectivity.InputsOf(neuron, sample / _labels.Length);
                for (int i = 0; i < inputs.Length; i++)
                    sums[neuron][sample] +=
                        (double)projection.Weights.Value[neuron][i] * At(layer, projection, heard, inputs[i], sample);
            }
        }

        return sums;
    }

    // An input of a sample: a layer hears itself sample by sample, and all else row by row.
    private double At(LayerState layer, ProjectionState projection, double[][] heard, int input, int sample) =>
        heard[input][projection.Signal == Signal.Layer(layer.Index) ? sample : sample % _labels.Length];

    private double[][] Fire(LayerState layer, double[][][] sums, bool withLabel, int presentation)
    {
        double[][] fired = new double[layer.NeuronCount][];
        for (int neuron = 0; neuron < fired.Length; neuron++)
        {
            if (layer.Activation is StepActivation)
            {
                fired[neuron] = [.. sums[0][neuron].Select(f => f > 0 ? 1.0 : 0)];
                continue;
            }

            double[] theta =
            [
                .. Enumerable
                    .Range(0, sums[0][neuron].Length)
                    .Select(b =>
                        layer.Activation switch
                        {
                            ModulatedActivation modulated => ScalarActivation
                                .Of(modulated, sums[0][neuron][b], sums[1][neuron][b], sums[2][neuron][b])
                                .Theta,
                            BivariateActivation bivariate => ScalarActivation
                                .Of(bivariate, sums[0][neuron][b], sums[1][neuron][b])
                                .Theta,
                            _ => ScalarActivation.OfFeedforward(sums[0][neuron][b]).Theta,
                        }
                    ),
            ];
            fired[neuron] = withLabel ? Sample(layer, neuron, presentation, theta) : [.. theta.Select(t => 2 * t - 1)];
        }

        return fired;
    }

    private double[][] Pool(LayerState layer, double[][] fired)
    {
        if (layer.Positions is not FieldGrid positions)
            return fired;
        int rows = _labels.Length;
        int[] cells = layer.Pooling?.CellsOf(positions) ?? [.. Enumerable.Range(0, positions.Count)];
        double[][] passed = new double[layer.OutputCount][];
        for (int output = 0; output < passed.Length; output++)
        {
            int cell = output / layer.NeuronCount;
            int[] members = [.. Enumerable.Range(0, cells.Length).Where(position => cells[position] == cell)];
            passed[output] =
            [
                .. Enumerable
                    .Range(0, rows)
                    .Select(row =>
                        members.Average(position => fired[output % layer.NeuronCount][position * rows + row])
                    ),
            ];
        }

        return passed;
    }

    private void Learn(LayerState layer, double[][][] sums, Outputs?[] now, Outputs?[] earlier, double[][][] means)
    {
        int samples = sums[0][0].Length;
        float[] mass = [.. Enumerable.Range(0, samples).Select(b => _mass[b % _labels.Length] / layer.PositionCount)];
        ProjectionState[] projections = [.. layer.Sources.SelectMany(source => source.Projections)];
        double[][][] gradients = [.. layer.Parameters.Select(_ => new double[layer.NeuronCount][])];
        double[][] bySums = layer.IsSoftmax ? LikelihoodSlope(sums[0]) : [];
        double goal = 0;
        for (int neuron = 0; neuron < layer.NeuronCount; neuron++)
        {
            if (layer.IsSoftmax)
            {
                Chain(neuron, [bySums[neuron]]);
                continue;
            }

            foreach (double[][] source in sums)
                Approach(layer.Binning, source[neuron]);
            float[][] sources = [.. sums.Select(source => Single(source[neuron]))];
            if (layer.HasOwnLabel)
                sources = [.. sources, [.. _labels.Select(label => label == neuron ? 1f : 0)]];
            var learned = new ScalarNeuron(layer.Goal!, layer.Activation, layer.Binning, sources, mass);
            goal += learned.Goal.Value / layer.NeuronCount;
            Chain(neuron, learned.BySource);
        }

        Goals[layer.Index] = goal;
        Gradients[layer.Index] = gradients;

        // From the derivative by a neuron's sums to that by its weights and biases.
        void Chain(int neuron, IReadOnlyList<double[]> bySource)
        {
            int parameter = 0;
            for (int place = 0; place < layer.Sources.Length; place++)
            {
                foreach (ProjectionState projection in layer.Sources[place].Projections)
                {
                    double[][]? heard = Heard(layer, projection, now, earlier, withLabel: true, means);
                    gradients[parameter++][neuron] = ByWeights(layer, projection, heard, neuron, bySource[place]);
                }
            }

            gradients[parameter][neuron] = [.. bySource.Take(layer.Sources.Length).Select(by => by.Sum())];
        }
    }

    // The derivative of Σ mass · ln p(label), p = softmax(F), by F: classes × rows.
    private double[][] LikelihoodSlope(double[][] f)
    {
        double[][] slope = [.. f.Select(of => new double[of.Length])];
        for (int row = 0; row < _labels.Length; row++)
        {
            double sum = f.Sum(of => Math.Exp(of[row]));
            for (int k = 0; k < f.Length; k++)
                slope[k][row] = _mass[row] * ((_labels[row] == k ? 1 : 0) - Math.Exp(f[k][row]) / sum);
        }

        return slope;
    }

    private double[] ByWeights(
        LayerState layer,
        ProjectionState projection,
        double[][]? heard,
        int neuron,
        double[] bySum
    )
    {
        double[] gradient = new double[projection.Connectivity.ConnectionsPerNeuron];
        for (int sample = 0; heard is not null && sample < bySum.Length; sample++)
        {
            int[] inputs = projection.Connectivity.InputsOf(neuron, sample / _labels.Length);
            for (int i = 0; i < inputs.Length; i++)
                if (projection.Signal != Signal.Layer(layer.Index) || inputs[i] != neuron) // none hears itself
                    gradient[i] += bySum[sample] * At(layer, projection, heard, inputs[i], sample);
        }

        return gradient;
    }

    // Whether a layer's outputs differ between presentations: it hears itself, or one above it, or one that changes; or those
    // above it hear its means, and those that are not its samples, drawn anew.
    private bool Changes(int layer) =>
        SignalsOf(layer)
            .Any(signal =>
                signal.Index >= layer || signal.Index >= 0 && !PassesMeans(signal.Index) && Changes(signal.Index)
            )
        || PassesMeans(layer)
            && Enumerable.Range(0, layer + 1).Any(other => SignalsOf(other).Contains(Signal.Layer(layer)));

    private bool PassesMeans(int layer) => _state.Layers[layer].PassesOn == PassedOutputs.Mean;

    private IEnumerable<Signal> SignalsOf(int layer) => _state.Layers[layer].Signals.SelectMany(source => source);

    // Presentations are counted on from step to step: two in a step, or as many as there are where there are more. What is
    // the same in all is drawn once, with the number of the last.
    private double[] Sample(LayerState layer, int neuron, int presentation, double[] theta)
    {
        int counters = Math.Max(_presentations, 2);
        int number = Changes(layer.Index) ? presentation : counters - 1;
        int stream = _state.Layers.Take(layer.Index).Sum(below => below.NeuronCount) + neuron;
        double[] y = new double[theta.Length];
        int quarter = (theta.Length + 3) / 4;
        for (int b = 0; b < theta.Length; b++)
        {
            (uint w0, uint w1, uint w2, uint w3) = Philox.Generate(
                (uint)(b % quarter),
                (uint)stream,
                (uint)(counters * (int)_step + number),
                0,
                _settings.Seed
            );
            float uniform = Philox.ToUniform(
                (b / quarter) switch
                {
                    0 => w0,
                    1 => w1,
                    2 => w2,
                    _ => w3,
                }
            );
            Margin = Math.Min(Margin, Math.Abs(uniform - theta[b]));
            y[b] = uniform < theta[b] ? 1 : -1;
        }

        return y;
    }

    private void Approach(Binning binning, double[] values)
    {
        // An adaptive binning divides by the largest magnitude, which itself lies on an edge.
        double divisor = binning.Adaptive ? Binning.DivisorOf(Single(values)) : 1;
        foreach (double value in values)
        {
            if (binning.Adaptive && Math.Abs(value) >= divisor * (1 - 1e-6))
                continue;
            double place = value / divisor * binning.BinsPerUnit + binning.Count / 2.0;
            double edge = Math.Clamp(Math.Round(place), 1, binning.Count - 1);
            Margin = Math.Min(Margin, Math.Abs(place - edge));
        }
    }

    private static float[] Single(double[] values) => Array.ConvertAll(values, value => (float)value);

    /// <summary>A layer's outputs in a presentation: neurons × samples, and what is passed on of them, outputs × rows.</summary>
    private sealed record Outputs(double[][] Fired, double[][] Passed);
}
