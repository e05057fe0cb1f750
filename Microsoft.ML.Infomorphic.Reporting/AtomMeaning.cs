using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Reporting;

/// <summary>Information atoms and sources in words.</summary>
public static class AtomMeaning
{
    /// <summary>The residual entropy in words.</summary>
    public const string OfResidual = "what of the output no source explains: the neuron's own noise";

    /// <summary>An atom in words.</summary>
    /// <param name="atom">The atom.</param>
    /// <param name="sources">One letter for each source, such as "FCL".</param>
    /// <returns>A phrase such as "what F and C say redundantly, each on its own".</returns>
    /// <exception cref="ArgumentException">The atom names a source that has no letter.</exception>
    public static string Of(Antichain atom, string sources)
    {
        ArgumentNullException.ThrowIfNull(atom);
        string notation = atom.ToString(sources);
        string[] parts = notation.Trim('{', '}').Split("}{");
        string others = sources.Length == 2 ? "the other source does not" : "no other sources do";
        if (parts.Length == 1)
            return parts[0].Length == 1
                ? sources.Length == 1
                    ? $"what {parts[0]} says"
                    : $"what {parts[0]} alone says, and {others}: its unique information"
                : $"what {List(parts[0])} say only together, each of them alone silent: synergy";
        if (parts.All(part => part.Length == 1))
            return $"what {List(string.Concat(parts))} say redundantly, each on its own";
        return $"what is said redundantly {string.Join(", and also ", parts.Select(Way))}";

        static string Way(string part) => part.Length == 1 ? $"by {part} on its own" : $"by {List(part)} only together";
    }

    /// <summary>What a source hears, in words.</summary>
    /// <param name="source">The source.</param>
    /// <param name="layer">The place in the network of the layer that it is a source of, from 0.</param>
    /// <param name="hiddenLayers">Number of hidden layers of the network.</param>
    /// <returns>A phrase such as "the row's features".</returns>
    public static string Of(Source source, int layer, int hiddenLayers)
    {
        ArgumentNullException.ThrowIfNull(source);
        string[] heard = [.. source.Projections.Select(projection => Of(projection.Signal, layer, hiddenLayers))];
        return heard.Length == 1 ? heard[0] : $"{string.Join(", ", heard[..^1])} and {heard[^1]}";
    }

    private static string Of(Signal signal, int layer, int hiddenLayers) =>
        signal.Kind switch
        {
            SignalKind.Features => "the row's features",
            SignalKind.Label => "the row's class, told in training and withheld in scoring",
            SignalKind.OwnLabel => "whether the row is of the neuron's own class, told in training",
            _ when signal.Index == layer => "the outputs of other neurons of the layer in the presentation before",
            _ =>
                $"the outputs of {LayerNames.Layer(signal.Index, hiddenLayers)} in the {(signal.Index < layer ? "same presentation" : "presentation before")}",
        };

    private static string List(string letters) =>
        letters.Length == 1 ? letters : $"{string.Join(", ", letters[..^1].AsEnumerable())} and {letters[^1]}";
}
