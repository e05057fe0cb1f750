using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Learning;

namespace Microsoft.ML.Infomorphic.Tests.Learning;

/// <summary>
/// The gradients of one training step (arXiv 2412.02482, algorithms 1 and 2): loops, double precision, the specification
/// of a neuron, and the same random numbers as the engine.
/// </summary>
internal sealed class NaiveStep
{
    private readonly LearningSettings _settings;
    private readonly ulong _step;

    public NaiveStep(NetworkState state, LearningSettings settings, LabeledRows rows, int[] batch, int step)
    {
        _settings = settings;
        _step = (ulong)step;
        int n = state.HiddenCount;
        int classes = state.ClassCount;
        int features = state.Scaling.FeatureCount;
        double total = batch.Sum(row => (double)(rows.Weights?[row] ?? 1));
        float[] mass = [.. batch.Select(row => (float)((rows.Weights?[row] ?? 1) / total))];
        int[] labels = [.. batch.Select(row => rows.Labels[row])];
        double[][] x =
        [
            .. batch.Select(row =>
                Problems
                    .FeaturesOf(rows, row)
                    .Select((value, i) => ((double)value - state.Scaling.Offsets[i]) / state.Scaling.Scales[i])
                    .ToArray()
            ),
        ];

        // Presentation 1: L is its bias.
        double[][] f = new double[n][];
        double[][] c = new double[n][];
        double[][] l = new double[n][];
        double[][] y1 = new double[n][];
        var activation = (ModulatedActivation)settings.Activation;
        for (int i = 0; i < n; i++)
        {
            f[i] = [.. x.Select(row => Dot(state.FeatureWeights.Value[i], row) + state.HiddenBiases.Value[i][0])];
            c[i] =
            [
                .. labels.Select(label => (double)state.LabelWeights.Value[i][label] + state.HiddenBiases.Value[i][1]),
            ];
            double bias = state.HiddenBiases.Value[i][2];
            y1[i] = Sample(i, 0, [.. f[i].Zip(c[i], (F, C) => ScalarActivation.Of(activation, F, C, bias).Theta)]);
        }

        // Presentation 2: only it is trained.
        double[][] y2 = new double[n][];
        FeatureWeights = new double[n][];
        LabelWeights = new double[n][];
        LateralWeights = new double[n][];
        HiddenBiases = new double[n][];
        for (int i = 0; i < n; i++)
        {
            int[] peers =
                state.LateralConnections?[(i * state.LateralCount)..((i + 1) * state.LateralCount)]
                ?? [.. Enumerable.Range(0, n)];
            l[i] = new double[batch.Length];
            for (int b = 0; b < batch.Length; b++)
                l[i][b] =
                    state.HiddenBiases.Value[i][2]
                    + Dot(state.LateralWeights.Value[i], [.. peers.Select(peer => y1[peer][b])]);
            float[][] sources = [Single(f[i]), Single(c[i]), Single(l[i])];
            foreach (float[] source in sources)
            foreach (float value in source)
                Approach(settings.Binning, value);
            var neuron = new ScalarNeuron(settings.Goal, activation, settings.Binning, sources, mass);
            y2[i] = Sample(i, 1, neuron.Theta);
            FeatureWeights[i] =
            [
                .. Enumerable.Range(0, features).Select(j => neuron.ByF.Zip(x, (g, row) => g * row[j]).Sum()),
            ];
            LabelWeights[i] =
            [
                .. Enumerable
                    .Range(0, classes)
                    .Select(k => neuron.ByC.Zip(labels, (g, label) => label == k ? g : 0).Sum()),
            ];
            LateralWeights[i] =
            [
                .. peers.Select(peer => peer == i ? 0 : neuron.ByL.Zip(y1[peer], (g, y) => g * y).Sum()),
            ];
            HiddenBiases[i] = [neuron.ByF.Sum(), neuron.ByC.Sum(), neuron.ByL.Sum()];
            Goal += neuron.Goal.Value / n;
        }

        OutputWeights = new double[classes][];
        OutputBiases = new double[classes][];
        for (int k = 0; k < classes; k++)
        {
            float[] input =
            [
                .. Enumerable
                    .Range(0, batch.Length)
                    .Select(b =>
                        (float)(
                            Dot(state.OutputWeights.Value[k], [.. y2.Select(y => y[b])])
                            + state.OutputBiases.Value[k][0]
                        )
                    ),
            ];
            float divisor = Binning.DivisorOf(input);
            foreach (float value in input)
                if (Math.Abs(value) != divisor)
                    Approach(Binning.PaperOutputLayer, value / divisor);
            float[] own = [.. labels.Select(label => label == k ? 1f : 0f)];
            var neuron = new ScalarNeuron(
                settings.OutputGoal,
                new FeedforwardActivation(),
                Binning.PaperOutputLayer,
                [input, own],
                mass
            );
            OutputWeights[k] = [.. y2.Select(y => neuron.ByF.Zip(y, (g, output) => g * output).Sum())];
            OutputBiases[k] = [neuron.ByF.Sum()];
            OutputGoal += neuron.Goal.Value / classes;
        }
    }

    /// <summary>
    /// How close a random number came to a probability, or an aggregated input to an edge, in units of bins: where that
    /// is far above single precision's rounding, both precisions take the same decisions.
    /// </summary>
    public double Margin { get; private set; } = double.PositiveInfinity;

    /// <summary>The mean goal of the hidden neurons, and of the output neurons, in bits.</summary>
    public double Goal { get; }

    public double OutputGoal { get; }

    public double[][] FeatureWeights { get; }

    public double[][] LabelWeights { get; }

    public double[][] LateralWeights { get; }

    public double[][] HiddenBiases { get; }

    public double[][] OutputWeights { get; }

    public double[][] OutputBiases { get; }

    private double[] Sample(int neuron, uint presentation, double[] theta)
    {
        double[] y = new double[theta.Length];
        int quarter = (theta.Length + 3) / 4;
        for (int b = 0; b < theta.Length; b++)
        {
            (uint w0, uint w1, uint w2, uint w3) = Philox.Generate(
                (uint)(b % quarter),
                (uint)neuron,
                (uint)(2 * _step + presentation),
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

    private void Approach(Binning binning, float value)
    {
        double place = (double)value * binning.BinsPerUnit + binning.Count / 2.0;
        double edge = Math.Clamp(Math.Round(place), 1, binning.Count - 1);
        Margin = Math.Min(Margin, Math.Abs(place - edge));
    }

    private static double Dot(ReadOnlySpan<float> weights, double[] inputs)
    {
        double sum = 0;
        for (int i = 0; i < inputs.Length; i++)
            sum += weights[i] * inputs[i];
        return sum;
    }

    private static float[] Single(double[] values) => Array.ConvertAll(values, value => (float)value);
}
