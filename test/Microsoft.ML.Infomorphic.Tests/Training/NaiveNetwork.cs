using Microsoft.ML.Infomorphic.Kernels;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>
/// A forward pass as the paper's appendix A.4 has it with the label withheld, through any number of layers: loops, double
/// precision. In every presentation every layer hears those below as they are now, and itself and those above as they were in
/// the presentation before; in the first there is nothing to hear of these.
/// </summary>
internal sealed class NaiveNetwork
{
    private readonly InfomorphicNetwork _network;
    private readonly double[] _features;
    private readonly Func<double, int, int, double> _output;

    // Of each layer, in the presentation at hand and in the one before; null where there is none.
    private double[]?[] _fired;
    private double[]?[] _firedBefore;
    private double[] _scores = [];

    private NaiveNetwork(InfomorphicNetwork network, float[] features, Func<double, int, int, double> output)
    {
        _network = network;
        _features = Array.ConvertAll(features, feature => (double)feature);
        _output = output;
        _fired = new double[]?[network.Layers.Count];
        _firedBefore = new double[]?[network.Layers.Count];
        int presentations = Math.Max(network.Presentations, 2);
        for (int presentation = 0; presentation < presentations; presentation++)
        {
            _firedBefore = _fired;
            _fired = new double[]?[network.Layers.Count];
            for (int layer = 0; layer < network.Layers.Count; layer++)
                _fired[layer] = Fire(layer, Changes(network, layer) ? presentation : presentations - 1, presentation);
        }
    }

    /// <summary>Softmax of the output layer's aggregated inputs.</summary>
    /// <param name="network">The network.</param>
    /// <param name="features">The row.</param>
    /// <param name="output">
    /// The output ±1, or mean, of a neuron: (θ, stream, p·N + n) ↦ y, for neuron n at position p. In presentation t, hidden
    /// layer i has stream 64·i where t = 0, else 64·i + 2t − 1, and the output layer 2t + 2. What is the same in all
    /// presentations is drawn once, as if in the last, and as if there were two where there is one.
    /// </param>
    public static double[] Score(InfomorphicNetwork network, float[] features, Func<double, int, int, double> output)
    {
        double[] scores = new NaiveNetwork(network, features, output)._scores;
        double sum = scores.Sum(score => Math.Exp(score - scores.Max()));
        return [.. scores.Select(score => Math.Exp(score - scores.Max()) / sum)];
    }

    /// <summary>The output layer's aggregated inputs.</summary>
    public static double[] Sums(InfomorphicNetwork network, float[] features, Func<double, int, int, double> output) =>
        new NaiveNetwork(network, features, output)._scores;

    /// <summary>What a layer passes on in the last presentation.</summary>
    public static double[] Outputs(
        InfomorphicNetwork network,
        float[] features,
        int layer,
        Func<double, int, int, double> output
    )
    {
        var presented = new NaiveNetwork(network, features, output);
        return Pool(network.Layers[layer], presented._fired[layer]!);
    }

    /// <summary>Whether a layer hears something of an earlier presentation, itself or through the layers below.</summary>
    private static bool Changes(InfomorphicNetwork network, int layer) =>
        network
            .Layers[layer]
            .Sources.SelectMany(source => source.Projections)
            .Where(projection => projection.Signal.Kind == SignalKind.Layer)
            .Any(projection => projection.Signal.Index >= layer || Changes(network, projection.Signal.Index));

    // The outputs of all neurons at all positions.
    private double[] Fire(int index, int draws, int presentation)
    {
        InfomorphicLayer layer = _network.Layers[index];
        bool isOutput = index == _network.Layers.Count - 1;
        int n = layer.NeuronCount;
        int stream = isOutput ? 2 * draws + 2 : 64 * index + Math.Max(2 * draws - 1, 0);
        double[] fired = new double[n * (layer.Positions?.Count ?? 1)];
        if (isOutput)
            _scores = new double[n];
        for (int i = 0; i < fired.Length; i++)
        {
            double[] sums =
            [
                .. layer
                    .Sources.Where(source => source.Biases.Length > 0)
                    .Select(source => Sum(source, index, i % n, i / n, presentation)),
            ];
            if (isOutput)
                _scores[i] = sums[0];
            fired[i] = layer.Activation switch
            {
                StepActivation => sums[0] > 0 ? 1 : 0,
                FeedforwardActivation => _output(ScalarActivation.OfFeedforward(sums[0]).Theta, stream, i),
                BivariateActivation bivariate => _output(
                    ScalarActivation.Of(bivariate, sums[0], sums[1]).Theta,
                    stream,
                    i
                ),
                _ => _output(
                    ScalarActivation.Of((ModulatedActivation)layer.Activation, sums[0], sums[1], sums[2]).Theta,
                    stream,
                    i
                ),
            };
        }

        return fired;
    }

    private double Sum(Source source, int layer, int neuron, int position, int presentation)
    {
        double sum = source.Biases[neuron];
        foreach (Projection projection in source.Projections)
        {
            if (Heard(projection.Signal, layer, position, presentation) is not double[] heard)
                continue;
            int[] inputs = projection.Connectivity.InputsOf(neuron, position);
            for (int i = 0; i < inputs.Length; i++)
                sum += projection.WeightsOf(neuron)[i] * heard[inputs[i]];
        }

        return sum;
    }

    // Null for silence.
    private double[]? Heard(Signal signal, int listener, int position, int presentation)
    {
        if (signal == Signal.Features)
            return _features;
        if (signal.Kind != SignalKind.Layer)
            return null; // the label is withheld
        InfomorphicLayer heard = _network.Layers[signal.Index];
        if (signal.Index < listener)
            return Pool(heard, _fired[signal.Index]!);
        if (presentation == 0)
            return null;
        double[] before = _firedBefore[signal.Index]!;
        return signal.Index == listener && heard.Positions is not null
            ? before[(position * heard.NeuronCount)..((position + 1) * heard.NeuronCount)]
            : Pool(heard, before);
    }

    // Means over the positions of each cell.
    private static double[] Pool(InfomorphicLayer layer, double[] fired)
    {
        if (layer.Pooling is not Pooling pooling)
            return fired;
        FieldGrid positions = layer.Positions!;
        int n = layer.NeuronCount;
        double[] sums = new double[pooling.Rows * pooling.Columns * n];
        double[] counts = new double[sums.Length];
        for (int row = 0; row < positions.Rows; row++)
        for (int column = 0; column < positions.Columns; column++)
        for (int neuron = 0; neuron < n; neuron++)
        {
            int cell =
                row * pooling.Rows / positions.Rows * pooling.Columns + column * pooling.Columns / positions.Columns;
            sums[cell * n + neuron] += fired[(row * positions.Columns + column) * n + neuron];
            counts[cell * n + neuron]++;
        }

        return [.. sums.Zip(counts, (sum, count) => sum / count)];
    }
}
