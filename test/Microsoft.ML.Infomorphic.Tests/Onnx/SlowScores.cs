using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Scoring;

namespace Microsoft.ML.Infomorphic.Tests.Onnx;

/// <summary>
/// Scores from the timing rule and nothing else, in double precision: in every presentation every layer aggregates all it hears,
/// those below in the same presentation, itself and those above as they were in the presentation before.
/// </summary>
internal static class SlowScores
{
    /// <summary>The mean of networks.</summary>
    public static double[] Of(IReadOnlyList<InfomorphicNetwork> networks, ScoringSettings scoring, float[] row)
    {
        double[][] each = [.. networks.Select(network => Of(network, scoring, row))];
        return [.. each[0].Select((_, k) => each.Average(probabilities => probabilities[k]))];
    }

    public static double[] Of(InfomorphicNetwork network, ScoringSettings scoring, float[] row)
    {
        var passed = new double[]?[network.Layers.Count];
        var fired = new double[]?[network.Layers.Count];
        double[] logits = [];
        for (int presentation = 0; presentation < network.Presentations; presentation++)
        {
            var passedNow = new double[]?[passed.Length];
            var firedNow = new double[]?[passed.Length];
            for (int index = 0; index < passed.Length; index++)
            {
                InfomorphicLayer layer = network.Layers[index];
                firedNow[index] = new double[layer.PositionCount * layer.NeuronCount];
                var driven = new double[firedNow[index]!.Length];
                for (int position = 0; position < layer.PositionCount; position++)
                for (int neuron = 0; neuron < layer.NeuronCount; neuron++)
                {
                    double[] sums =
                    [
                        .. layer
                            .Sources.Where(source => !source.IsOwnLabel)
                            .Select(source => Sum(source, index, neuron, position)),
                    ];
                    int sample = position * layer.NeuronCount + neuron;
                    driven[sample] = sums[0];
                    firedNow[index]![sample] = Output(layer.Activation, sums, scoring.Mode);
                }

                passedNow[index] = Pool(layer, firedNow[index]!);
                logits = driven;
            }

            (passed, fired) = (passedNow, firedNow);

            double Sum(Source source, int index, int neuron, int position)
            {
                double sum = source.Biases[neuron];
                foreach (Projection projection in source.Projections)
                {
                    if (Heard(projection.Signal, index, position) is not double[] heard)
                        continue;
                    int[] inputs = projection.Connectivity.InputsOf(neuron, position);
                    ReadOnlySpan<float> weights = projection.WeightsOf(neuron);
                    for (int i = 0; i < inputs.Length; i++)
                        sum += (double)weights[i] * heard[inputs[i]];
                }

                return sum;
            }

            double[]? Heard(Signal signal, int index, int position)
            {
                if (signal.Kind == SignalKind.Features)
                    return [.. row.Select(feature => (double)feature)];
                if (signal.IsLabel)
                    return null;
                if (signal.Index < index)
                    return passedNow[signal.Index];
                if (signal.Index > index)
                    return passed[signal.Index];
                int neurons = network.Layers[index].NeuronCount;
                return fired[index]?.AsSpan(position * neurons, neurons).ToArray();
            }
        }

        if (scoring.Calibrate)
            logits =
            [
                .. logits.Select((logit, k) => network.Calibration.Slopes[k] * logit + network.Calibration.Offsets[k]),
            ];
        double[] powers = [.. logits.Select(logit => Math.Exp(logit - logits.Max()))];
        return [.. powers.Select(power => power / powers.Sum())];
    }

    private static double Output(Activation activation, double[] sums, ScoringMode mode)
    {
        if (activation is StepActivation)
            return sums[0] > 0 ? 1 : 0;
        ScalarActivation fired = activation switch
        {
            ModulatedActivation modulated => ScalarActivation.Of(modulated, sums[0], sums[1], sums[2]),
            BivariateActivation bivariate => ScalarActivation.Of(bivariate, sums[0], sums[1]),
            _ => ScalarActivation.OfFeedforward(sums[0]),
        };
        double mean = fired.Theta - fired.Complement;
        return mode == ScoringMode.MeanField ? mean
            : mean >= 0 ? 1
            : -1;
    }

    private static double[] Pool(InfomorphicLayer layer, double[] fired)
    {
        if (layer.Pooling is not Pooling pooling)
            return fired;
        int[] cells = pooling.CellsOf(layer.Positions!);
        var means = new double[layer.OutputCount];
        for (int i = 0; i < fired.Length; i++)
        {
            int cell = cells[i / layer.NeuronCount];
            means[cell * layer.NeuronCount + i % layer.NeuronCount] += fired[i] / cells.Count(of => of == cell);
        }

        return means;
    }
}
