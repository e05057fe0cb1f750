using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>
/// The gradients of one training step (arXiv 2412.02482, algorithms 1 and 2): loops, double precision, the specification
/// of a neuron, and the same random numbers as the engine.
/// </summary>
internal sealed class NaiveStep
{
    private readonly TrainingSettings _settings;
    private readonly ulong _step;

    public NaiveStep(NetworkState state, TrainingSettings settings, LabeledRows rows, int[] batch, int step)
    {
        _settings = settings;
        _step = (ulong)step;
        int features = state.Scaling.FeatureCount;
        double total = batch.Sum(row => (double)(rows.Weights?[row] ?? 1));
        float[] mass = [.. batch.Select(row => (float)((rows.Weights?[row] ?? 1) / total))];
        int[] labels = [.. batch.Select(row => rows.Labels[row])];

        // Inputs × rows, as everything below.
        double[][] x =
        [
            .. Enumerable
                .Range(0, features)
                .Select(i =>
                    batch
                        .Select(row =>
                            ((double)Problems.FeaturesOf(rows, row)[i] - state.Scaling.Offsets[i])
                            / state.Scaling.Scales[i]
                        )
                        .ToArray()
                ),
        ];
        double[][] y = state.Hidden is LayerState hidden ? Hide(hidden, state.Output, x, labels, mass) : x;
        TrainOutput(state.Output, y, labels, mass);
    }

    /// <summary>
    /// How close a random number came to a probability, or an aggregated input to an edge, in units of bins: where that
    /// is far above single precision's rounding, both precisions take the same decisions.
    /// </summary>
    public double Margin { get; private set; } = double.PositiveInfinity;

    /// <summary>The mean goal of the hidden neurons, and of the output neurons, in bits.</summary>
    public double Goal { get; private set; }

    public double OutputGoal { get; private set; }

    /// <summary>Gradients by the weights of each source of the hidden layer, then by its biases; none where none learns.</summary>
    public double[][][] Hidden { get; private set; } = [];

    /// <summary>Gradients by the weights of the output layer, then by its biases.</summary>
    public double[][][] Output { get; private set; } = [];

    // All presentations of the hidden layer; returns its outputs.
    private double[][] Hide(LayerState layer, LayerState output, double[][] x, int[] labels, float[] mass)
    {
        int n = layer.NeuronCount;
        int classes = output.NeuronCount;
        double[][] oneHot =
        [
            .. Enumerable.Range(0, classes).Select(k => Array.ConvertAll(labels, l => l == k ? 1.0 : 0)),
        ];

        // What feeds each source in the presentation at hand.
        double[][] silence = [.. Enumerable.Range(0, n).Select(_ => new double[labels.Length])];
        double[][] noFeedback = [.. oneHot.Select(_ => new double[labels.Length])];
        Dictionary<SourceKind, double[][]> inputs = new()
        {
            [SourceKind.Features] = x,
            [SourceKind.Label] = oneHot,
            [SourceKind.Lateral] = silence,
            [SourceKind.Feedback] = noFeedback,
        };
        if (layer.Activation is StepActivation)
            return [.. Enumerable.Range(0, n).Select(i => Sum(layer, 0, i, x).Select(f => f > 0 ? 1.0 : 0).ToArray())];
        bool isRecurrent = layer.Sources.Any(source => source.Kind is SourceKind.Lateral or SourceKind.Feedback);
        int last = isRecurrent ? _settings.Presentations - 1 : 1;
        for (int p = isRecurrent ? 0 : last; p < last; p++)
        {
            double[][] heard = [.. Enumerable.Range(0, n).Select(i => Sample(i, p, ThetaOf(layer, i, inputs)))];
            inputs[SourceKind.Lateral] = heard;
            inputs[SourceKind.Feedback] =
            [
                .. Enumerable
                    .Range(0, classes)
                    .Select(k =>
                        Sample(
                            n + k,
                            p,
                            [.. Sum(output, 0, k, heard).Select(f => ScalarActivation.OfFeedforward(f).Theta)]
                        )
                    ),
            ];
        }

        // The last presentation: only it is trained.
        double[][] y = new double[n][];
        Hidden = [.. layer.Parameters.Select(_ => new double[n][])];
        for (int i = 0; i < n; i++)
        {
            double[][] sources =
            [
                .. layer.Sources.Select((source, place) => Sum(layer, place, i, inputs[source.Kind])),
            ];
            foreach (double[] source in sources)
                Approach(layer.Binning, source);
            var neuron = new ScalarNeuron(
                layer.Goal!,
                layer.Activation,
                layer.Binning,
                Array.ConvertAll(sources, Single),
                mass
            );
            y[i] = Sample(i, last, neuron.Theta);
            for (int place = 0; place < sources.Length; place++)
            {
                double[][] fed = inputs[layer.Sources[place].Kind];
                Hidden[place][i] =
                [
                    .. Peers(layer.Sources[place], i)
                        .Select(input =>
                            layer.Sources[place].Kind == SourceKind.Lateral && input == i
                                ? 0
                                : neuron.BySource[place].Zip(fed[input], (g, value) => g * value).Sum()
                        ),
                ];
            }

            Hidden[^1][i] = [.. neuron.BySource.Select(gradient => gradient.Sum())];
            Goal += neuron.Goal.Value / n;
        }

        return y;
    }

    private void TrainOutput(LayerState layer, double[][] y, int[] labels, float[] mass)
    {
        int classes = layer.NeuronCount;
        Output = [new double[classes][], new double[classes][]];
        for (int k = 0; k < classes; k++)
        {
            double[] input = Sum(layer, 0, k, y);
            Approach(layer.Binning, input);
            double[] own = [.. labels.Select(label => label == k ? 1.0 : 0)];
            var neuron = new ScalarNeuron(
                layer.Goal!,
                layer.Activation,
                layer.Binning,
                [Single(input), Single(own)],
                mass
            );
            Output[0][k] = [.. y.Select(values => neuron.ByF.Zip(values, (g, value) => g * value).Sum())];
            Output[1][k] = [neuron.ByF.Sum()];
            OutputGoal += neuron.Goal.Value / classes;
        }
    }

    private static double[] ThetaOf(LayerState layer, int neuron, Dictionary<SourceKind, double[][]> inputs)
    {
        double[][] sums = [.. layer.Sources.Select((source, place) => Sum(layer, place, neuron, inputs[source.Kind]))];
        return
        [
            .. Enumerable
                .Range(0, sums[0].Length)
                .Select(b =>
                    layer.Activation switch
                    {
                        ModulatedActivation modulated => ScalarActivation
                            .Of(modulated, sums[0][b], sums[1][b], sums[2][b])
                            .Theta,
                        _ => ScalarActivation.Of((BivariateActivation)layer.Activation, sums[0][b], sums[1][b]).Theta,
                    }
                ),
        ];
    }

    private static IEnumerable<int> Peers(SourceState source, int neuron) =>
        source.Connections is null ? Enumerable.Range(0, source.InputCount) : source.PeersOf(neuron).ToArray();

    // Weights times inputs, and the bias, of every row.
    private static double[] Sum(LayerState layer, int place, int neuron, double[][] inputs)
    {
        SourceState source = layer.Sources[place];
        int[] peers = [.. Peers(source, neuron)];
        double[] sums = new double[inputs[0].Length];
        for (int b = 0; b < sums.Length; b++)
        {
            sums[b] = layer.Biases.Value[neuron][place];
            for (int i = 0; i < peers.Length; i++)
                sums[b] += (double)source.Weights.Value[neuron][i] * inputs[peers[i]][b];
        }

        return sums;
    }

    // Presentations are counted on from step to step: two in a step, or as many as there are where there are more.
    private double[] Sample(int neuron, int presentation, double[] theta)
    {
        double[] y = new double[theta.Length];
        int quarter = (theta.Length + 3) / 4;
        for (int b = 0; b < theta.Length; b++)
        {
            (uint w0, uint w1, uint w2, uint w3) = Philox.Generate(
                (uint)(b % quarter),
                (uint)neuron,
                (uint)(_settings.Presentations * (int)_step + presentation),
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
}
