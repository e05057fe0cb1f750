using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Learning;

namespace Microsoft.ML.Infomorphic.Tests.Learning;

/// <summary>A forward pass as the paper's appendix A.4 has it with the label withheld: loops, double precision.</summary>
internal static class NaiveNetwork
{
    /// <summary>Softmax of the output layer's aggregated inputs.</summary>
    /// <param name="network">The network.</param>
    /// <param name="features">The row.</param>
    /// <param name="output">The output ±1, or mean, of a hidden neuron: (θ, presentation, neuron) ↦ y.</param>
    public static double[] Score(InfomorphicNetwork network, float[] features, Func<double, int, int, double> output)
    {
        InfomorphicLayer hidden = network.HiddenLayers[0];
        (InputSource feature, InputSource label, InputSource lateral) = (
            hidden.Sources[0],
            hidden.Sources[1],
            hidden.Sources[2]
        );
        var activation = (ModulatedActivation)hidden.Activation;
        int n = hidden.NeuronCount;
        double[] y = new double[n]; // no lateral activity in the first presentation
        for (int presentation = 0; presentation < 2; presentation++)
        {
            double[] next = new double[n];
            for (int neuron = 0; neuron < n; neuron++)
            {
                double f = feature.Biases[neuron];
                for (int i = 0; i < features.Length; i++)
                    f += (double)feature.Weights[neuron * features.Length + i] * features[i];
                double l = lateral.Biases[neuron];
                int count = lateral.ConnectionsPerNeuron;
                for (int i = 0; i < count; i++)
                    l += lateral.Weights[neuron * count + i] * y[lateral.Connections?[neuron * count + i] ?? i];
                double theta = ScalarActivation.Of(activation, f, label.Biases[neuron], l).Theta;
                next[neuron] = output(theta, presentation, neuron);
            }

            y = next;
        }

        InputSource readout = network.OutputLayer.Sources[0];
        double[] scores = new double[network.ClassCount];
        for (int neuron = 0; neuron < scores.Length; neuron++)
        {
            scores[neuron] = readout.Biases[neuron];
            for (int i = 0; i < n; i++)
                scores[neuron] += readout.Weights[neuron * n + i] * y[i];
        }

        double sum = scores.Sum(score => Math.Exp(score - scores.Max()));
        return [.. scores.Select(score => Math.Exp(score - scores.Max()) / sum)];
    }
}
