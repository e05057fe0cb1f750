using System.IO.Hashing;
using System.Runtime.InteropServices;
using Microsoft.ML.Infomorphic.Insight;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Benchmarks;

/// <summary>
/// Hashes of what a training comes to, over bits: the one place that knows how networks, histories and insights are
/// made up.
/// </summary>
internal static class RecordHashes
{
    /// <summary>Every parameter of a network: hidden layers first, then the output layer, then the calibration.</summary>
    public static string HashNetwork(InfomorphicNetwork network)
    {
        var hash = new BitHash();
        foreach (InfomorphicLayer layer in network.Layers)
        foreach (Source source in layer.Sources)
        foreach (Projection projection in source.Projections)
        {
            hash.Add<float>(projection.Weights);
            hash.Add<float>(source.Biases);
            hash.Add<int>((projection.Connectivity as DrawnConnected)?.Connections ?? []);
        }

        hash.Add<float>([.. network.Calibration.Slopes]);
        hash.Add<float>([.. network.Calibration.Offsets]);
        return hash.ToString();
    }

    /// <summary>What every epoch came to, but for seconds; hidden layers first, where any learns.</summary>
    public static string HashHistory(TrainingHistory history)
    {
        var hash = new BitHash();
        foreach (var epoch in history.Epochs)
        {
            hash.Add<double>([epoch.TrainingAccuracy]);
            hash.Add<double>(
                epoch.ValidationAccuracy is double accuracy ? [accuracy, epoch.ValidationLogLoss!.Value] : []
            );
            foreach (LayerProgress layer in epoch.HiddenLayers.Where(layer => layer.Atoms.Count > 0))
            {
                hash.Add<double>([layer.Goal]);
                hash.Add<double>([.. layer.Atoms]);
                hash.Add<double>([layer.SelfCosineDistance]);
            }

            hash.Add<double>([epoch.OutputLayer.Goal]);
            hash.Add<double>([.. epoch.OutputLayer.Atoms]);
        }

        hash.Add<long>([history.Epochs.Count, history.BestEpoch, history.Steps]);
        return hash.ToString();
    }

    /// <summary>What every neuron knows and responds to: hidden layers first, then the output layer.</summary>
    public static string HashInsight(NetworkInsight insight)
    {
        var hash = new BitHash();
        foreach (var layer in insight.Layers)
        foreach (var neuron in layer.Neurons)
        {
            var information = neuron.Information;
            hash.Add<double>([.. information.Atoms]);
            hash.Add<double>([information.ResidualEntropy, information.Entropy, information.MutualInformation]);
            hash.Add<double>(information.Goal is double goal ? [goal] : []);
            hash.Add<double>([.. neuron.ClassResponses]);
            foreach (var typical in neuron.MostTypical.Concat(neuron.LeastTypical))
            {
                hash.Add<long>([typical.Row, typical.Label]);
                hash.Add<double>([typical.Theta]);
            }
        }

        return hash.ToString();
    }

    /// <summary>A hash of bits.</summary>
    internal sealed class BitHash
    {
        private readonly XxHash128 _hash = new();

        /// <summary>Adds numbers, and how many they are.</summary>
        public void Add<T>(ReadOnlySpan<T> values)
            where T : unmanaged
        {
            _hash.Append(BitConverter.GetBytes(values.Length));
            _hash.Append(MemoryMarshal.AsBytes(values));
        }

        /// <inheritdoc/>
        public override string ToString() => Convert.ToHexStringLower(_hash.GetCurrentHash());
    }
}
