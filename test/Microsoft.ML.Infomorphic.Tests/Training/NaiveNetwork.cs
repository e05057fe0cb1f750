using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>A forward pass as the paper's appendix A.4 has it with the label withheld: loops, double precision.</summary>
internal static class NaiveNetwork
{
    /// <summary>Softmax of the output layer's aggregated inputs.</summary>
    /// <param name="network">The network.</param>
    /// <param name="features">The row.</param>
    /// <param name="output">
    /// The output ±1, or mean, of a neuron: (θ, stream, neuron) ↦ y. Presentation p has stream 0 where p = 0, else 2p − 1,
    /// and what the output layer feeds back after it has stream 2p + 2.
    /// </param>
    public static double[] Score(InfomorphicNetwork network, float[] features, Func<double, int, int, double> output)
    {
        double[] x = Array.ConvertAll(features, feature => (double)feature);
        Source readout = network.OutputLayer.Sources[0];
        double[] y = network.HiddenLayers.Count == 0 ? x : Hide(network, readout, x, output);
        double[] scores = [.. Enumerable.Range(0, network.ClassCount).Select(k => Sum(readout, k, y))];
        double sum = scores.Sum(score => Math.Exp(score - scores.Max()));
        return [.. scores.Select(score => Math.Exp(score - scores.Max()) / sum)];
    }

    private static double[] Hide(
        InfomorphicNetwork network,
        Source readout,
        double[] x,
        Func<double, int, int, double> output
    )
    {
        InfomorphicLayer hidden = network.HiddenLayers[0];
        int n = hidden.NeuronCount;
        double[] y = new double[n]; // no activity in the first presentation
        double[] fed = new double[readout.NeuronCount];
        for (int presentation = 0; presentation < Math.Max(network.Presentations, 2); presentation++)
        {
            int stream = Math.Max(2 * presentation - 1, 0);
            double[] next = new double[n];
            for (int neuron = 0; neuron < n; neuron++)
            {
                double[] sums =
                [
                    .. hidden.Sources.Select(source =>
                        source.Kind switch
                        {
                            SourceKind.Features => Sum(source, neuron, x),
                            SourceKind.Label => source.Biases[neuron], // withheld
                            SourceKind.Lateral => Sum(source, neuron, y),
                            _ => Sum(source, neuron, fed),
                        }
                    ),
                ];
                next[neuron] = hidden.Activation switch
                {
                    StepActivation => sums[0] > 0 ? 1 : 0,
                    BivariateActivation bivariate => output(
                        ScalarActivation.Of(bivariate, sums[0], sums[1]).Theta,
                        stream,
                        neuron
                    ),
                    _ => output(
                        ScalarActivation.Of((ModulatedActivation)hidden.Activation, sums[0], sums[1], sums[2]).Theta,
                        stream,
                        neuron
                    ),
                };
            }

            y = next;
            fed =
            [
                .. Enumerable
                    .Range(0, fed.Length)
                    .Select(k =>
                        output(ScalarActivation.OfFeedforward(Sum(readout, k, y)).Theta, 2 * presentation + 2, k)
                    ),
            ];
        }

        return y;
    }

    private static double Sum(Source source, int neuron, double[] inputs)
    {
        int count = source.ConnectionsPerNeuron;
        double sum = source.Biases[neuron];
        for (int i = 0; i < count; i++)
            sum += (double)source.Weights[neuron * count + i] * inputs[source.Connections?[neuron * count + i] ?? i];
        return sum;
    }
}
