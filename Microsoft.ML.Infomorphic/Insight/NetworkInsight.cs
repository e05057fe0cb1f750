using System.Globalization;
using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;

namespace Microsoft.ML.Infomorphic.Insight;

/// <summary>What a neuron's sources say about its output; a mean or a spread of it, where that is said. All in bits.</summary>
/// <param name="Atoms">The information atoms Π, in the order of the lattice of the layer's sources.</param>
/// <param name="ResidualEntropy">H_res = H(Y) − I(Y : all sources): what of the output no source explains.</param>
/// <param name="Entropy">H(Y), at most 1.</param>
/// <param name="MutualInformation">I(Y : all sources), the sum of the atoms.</param>
/// <param name="Goal">G = Σ γ_α Π_α + γ_res H_res; null in a layer without a goal.</param>
public sealed record NeuronInformation(
    IReadOnlyList<double> Atoms,
    double ResidualEntropy,
    double Entropy,
    double MutualInformation,
    double? Goal
);

/// <summary>A row that a neuron fires for most surely, or least.</summary>
/// <param name="Row">The row's place in the data, from 0.</param>
/// <param name="Label">The row's class, from 0.</param>
/// <param name="Theta">θ, the neuron's firing probability when the row is scored.</param>
public sealed record TypicalRow(long Row, int Label, double Theta);

/// <summary>A neuron, explained.</summary>
/// <param name="Neuron">The neuron's place in its layer, from 0.</param>
/// <param name="Information">What its sources say about its output.</param>
/// <param name="ClassResponses">
/// For each class the mean θ over its rows when they are scored (label withheld, mean field); NaN for a class without
/// rows.
/// </param>
/// <param name="MostTypical">The rows with the largest θ when they are scored, the largest first.</param>
/// <param name="LeastTypical">The rows with the smallest θ when they are scored, the smallest first.</param>
public sealed record NeuronInsight(
    int Neuron,
    NeuronInformation Information,
    IReadOnlyList<double> ClassResponses,
    IReadOnlyList<TypicalRow> MostTypical,
    IReadOnlyList<TypicalRow> LeastTypical
);

/// <summary>A layer, explained neuron by neuron.</summary>
public sealed class LayerInsight
{
    private readonly FeatureEncoding _encoding;
    private readonly IReadOnlyList<string>? _featureNames;

    /// <param name="network">The network.</param>
    /// <param name="index">The layer's place, from 0.</param>
    /// <param name="neurons">What is known of its neurons.</param>
    /// <param name="passesOnMeans">Whether it passes on mean outputs with the label withheld.</param>
    /// <param name="encoding">What the network reads of a row; null for the features as they are.</param>
    /// <param name="featureNames">The names of the features; null where they have none.</param>
    internal LayerInsight(
        InfomorphicNetwork network,
        int index,
        IReadOnlyList<NeuronInsight> neurons,
        bool passesOnMeans = false,
        FeatureEncoding? encoding = null,
        IReadOnlyList<string>? featureNames = null
    )
    {
        _encoding = encoding ?? FeatureEncoding.None(network.FeatureCount);
        _featureNames = featureNames;
        InfomorphicLayer layer = network.Layers[index];
        Name = LayerInput.NameOf(network, Signal.Layer(index));
        Layer = layer;
        Inputs = LayerInput.Of(network, layer, _encoding);
        PassesOnMeans = passesOnMeans;
        Neurons = neurons;
        Sources = string.Concat(layer.Sources.Select(source => source.Symbol));
        AtomNames = [.. Lattice.Antichains.Select(antichain => antichain.ToString(Sources))];
        Mean = Combine(values => values.Average());
        StandardDeviation = Combine(values =>
        {
            double mean = values.Average();
            return Math.Sqrt(values.Average(value => (value - mean) * (value - mean)));
        });
    }

    /// <summary>What the layer is called: "output", "hidden" or, where there are several, "hidden 1" for the lowest and so on.</summary>
    public string Name { get; }

    /// <summary>The layer.</summary>
    public InfomorphicLayer Layer { get; }

    /// <summary>What drives its neurons: the signals that their source F hears, one a part of their receptive fields.</summary>
    public IReadOnlyList<LayerInput> Inputs { get; }

    /// <summary>
    /// Whether the layers above heard its mean outputs with the label withheld, as they did in training; else what
    /// <see cref="InsightSettings.MeanField"/> says.
    /// </summary>
    public bool PassesOnMeans { get; }

    /// <summary>The letters of the sources, such as "FCL".</summary>
    public string Sources { get; }

    /// <summary>The lattice that orders the atoms.</summary>
    public RedundancyLattice Lattice => RedundancyLattice.ForSources(Layer.Sources.Count);

    /// <summary>The atoms in the paper's notation, such as "{F}{CL}", in the order of <see cref="NeuronInformation.Atoms"/>.</summary>
    public IReadOnlyList<string> AtomNames { get; }

    /// <summary>The neurons.</summary>
    public IReadOnlyList<NeuronInsight> Neurons { get; }

    /// <summary>The mean over the neurons.</summary>
    public NeuronInformation Mean { get; }

    /// <summary>The spread: the standard deviation over the neurons (of all of them, not of a sample).</summary>
    public NeuronInformation StandardDeviation { get; }

    /// <summary>
    /// The names of a part of receptive fields: of the features those of their slots, or their places where they have none; else
    /// the places of the numbers.
    /// </summary>
    /// <param name="part">Which of <see cref="Inputs"/>, from 0.</param>
    /// <returns>One name for each number of <see cref="ReceptiveField"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such part.</exception>
    public IReadOnlyList<string> ReceptiveFieldNames(int part = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(part);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(part, Inputs.Count);
        LayerInput input = Inputs[part];
        IReadOnlyList<string>? names = input.Signal == Signal.Features && !input.IsShared ? _featureNames : null;
        return [.. Enumerable.Range(0, input.Size).Select(i => FeatureNames.Of(names, i))];
    }

    /// <summary>A neuron's receptive field: the weights with which numbers of what it hears drive it.</summary>
    /// <param name="neuron">The neuron, from 0.</param>
    /// <param name="part">Which of <see cref="Inputs"/>, from 0.</param>
    /// <returns>
    /// One weight for each number of the signal, 0 where the neuron is not connected; or, where neurons share their weights
    /// over all fields, one for each number of a field. Weights of the features apply to raw features; of a feature that the
    /// model encodes, it is the mean slope of its <see cref="FeatureCurve"/>.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such neuron or part.</exception>
    public float[] ReceptiveField(int neuron, int part = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(neuron);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(neuron, Layer.NeuronCount);
        ArgumentOutOfRangeException.ThrowIfNegative(part);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(part, Inputs.Count);
        Projection projection = Layer.Sources[0].Projections[part];
        if (Inputs[part].IsShared)
            return projection.WeightsOf(neuron).ToArray();
        float[] weights = projection.Spread(neuron);
        if (projection.Signal != Signal.Features || _encoding.IsIdentity)
            return weights;
        float[] slopes = weights[.._encoding.FeatureCount];
        for (int feature = 0; feature < slopes.Length; feature++)
            if (_encoding.KnotsOf(feature).Count > 0)
                slopes[feature] = (float)Insight.FeatureCurve.Of(_encoding, feature, "", weights).MeanSlope;
        return slopes;
    }

    /// <summary>How a feature drives a neuron.</summary>
    /// <param name="neuron">The neuron, from 0.</param>
    /// <param name="feature">The feature, from 0.</param>
    /// <returns>A line, or a curve where the model encodes the feature; it applies to the raw feature.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such neuron or feature.</exception>
    /// <exception cref="InvalidOperationException">
    /// The layer does not hear the features, or its neurons share their weights over fields of them.
    /// </exception>
    public FeatureCurve FeatureCurve(int neuron, int feature) => FeatureCurves(neuron, [feature])[0];

    /// <summary>How features drive a neuron.</summary>
    /// <param name="neuron">The neuron, from 0.</param>
    /// <param name="features">The features, from 0; null for all.</param>
    /// <returns>A line or a curve for each of them, in their order.</returns>
    /// <exception cref="ArgumentOutOfRangeException">There is no such neuron or feature.</exception>
    /// <exception cref="InvalidOperationException">
    /// The layer does not hear the features, or its neurons share their weights over fields of them.
    /// </exception>
    public IReadOnlyList<FeatureCurve> FeatureCurves(int neuron, IReadOnlyList<int>? features = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(neuron);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(neuron, Layer.NeuronCount);
        Projection? projection = Layer
            .Sources[0]
            .Projections.FirstOrDefault(projection => projection.Signal == Signal.Features);
        if (projection is null)
            throw new InvalidOperationException($"The {Name} layer does not hear the features.");
        if (projection.Connectivity is SharedFields)
            throw new InvalidOperationException(
                $"The neurons of the {Name} layer share their weights over fields, and have no weight of a feature of its own."
            );
        float[] weights = projection.Spread(neuron);
        return
        [
            .. (features ?? [.. Enumerable.Range(0, _encoding.FeatureCount)]).Select(feature =>
            {
                ArgumentOutOfRangeException.ThrowIfNegative(feature);
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(feature, _encoding.FeatureCount);
                return Insight.FeatureCurve.Of(_encoding, feature, FeatureNames.Of(_featureNames, feature), weights);
            }),
        ];
    }

    private NeuronInformation Combine(Func<IEnumerable<double>, double> combine)
    {
        return new(
            [.. AtomNames.Select((_, atom) => Of(information => information.Atoms[atom]))],
            Of(information => information.ResidualEntropy),
            Of(information => information.Entropy),
            Of(information => information.MutualInformation),
            Layer.Goal is null ? null : Of(information => information.Goal!.Value)
        );

        double Of(Func<NeuronInformation, double> value) =>
            combine(Neurons.Select(neuron => value(neuron.Information)));
    }
}

/// <summary>A trained network, explained on labelled rows without training again.</summary>
/// <param name="HiddenLayers">The hidden layers, from the features up; none where the output layer reads the features.</param>
/// <param name="OutputLayer">The output layer, one neuron a class.</param>
/// <param name="ClassNames">The classes' names.</param>
/// <param name="RowCount">Number of rows that were looked at.</param>
/// <param name="Settings">How they were looked at.</param>
public sealed record NetworkInsight(
    IReadOnlyList<LayerInsight> HiddenLayers,
    LayerInsight OutputLayer,
    IReadOnlyList<string> ClassNames,
    int RowCount,
    InsightSettings Settings
)
{
    /// <summary>All layers, from the features up.</summary>
    public IEnumerable<LayerInsight> Layers => [.. HiddenLayers, OutputLayer];

    /// <summary>What a reported atom is, in words.</summary>
    public string Method
    {
        get
        {
            string outputs = Settings.MeanField ? "their mean output" : "sampled outputs";
            string[] means = [.. HiddenLayers.Where(layer => layer.PassesOnMeans).Select(layer => layer.Name)];
            if (means.Length > 0)
                outputs += $", those of {string.Join(" and ", means)} their mean output with the label withheld";
            string rows =
                Settings.WholeSet || RowCount <= Settings.BatchSize
                    ? string.Create(CultureInfo.InvariantCulture, $"counted from all {RowCount} rows together")
                    : string.Create(
                        CultureInfo.InvariantCulture,
                        $"mean over batches of at most {Settings.BatchSize} of the {RowCount} rows in random order, each batch by its weight"
                    );
            return "Shared-exclusion information atoms in bits, of the last presentation, as in training (a context that is the label is there); "
                + $"the output counted by its firing probability; hidden neurons pass on {outputs}; {rows}.";
        }
    }
}
