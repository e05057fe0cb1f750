using Microsoft.ML.Infomorphic.Information;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic;

#pragma warning disable CA1051 // Options are public fields everywhere in ML.NET.
/// <summary>
/// The options of one hidden layer of an <see cref="InfomorphicTrainer"/>, in
/// <see cref="InfomorphicTrainer.Options.HiddenLayers"/>. Defaults are those of arXiv 2412.02482, table 1, but for the
/// learning rate.
/// </summary>
public sealed class HiddenLayerOptions
{
    /// <summary>
    /// The number of neurons, at least 1. Where <see cref="Connections"/> are local fields or random subsets: of each of them.
    /// </summary>
    public int NumberOfNeurons = InfomorphicTrainer.Options.Defaults.NumberOfHiddenNeurons;

    /// <summary>
    /// Whether the neurons learn. Otherwise they are a fixed random projection, with outputs 0 and 1, and have neither context
    /// nor lateral input nor a goal.
    /// </summary>
    public bool Learns = true;

    /// <summary>
    /// What the feedforward input F hears: <see cref="Signal.Features"/> and layers below, by their place from 0
    /// (<see cref="Signal.Layer"/>). Null for the layer below alone or, in the lowest layer, the features.
    /// </summary>
    public IReadOnlyList<Signal>? Inputs;

    /// <summary>
    /// Which numbers of the first input a neuron is connected to: <see cref="LocalFieldSettings"/> or
    /// <see cref="RandomSubsetSettings"/>; null for all.
    /// </summary>
    public PartialConnections? Connections;

    /// <summary>The context C: the label, the outputs of the output layer or of the layer above, or none.</summary>
    public ContextSignal Context = ContextSignal.Label;

    /// <summary>
    /// Whether the neurons listen to each other; those of local fields and random subsets to the others of their own.
    /// </summary>
    public bool LateralInput = true;

    /// <summary>The largest number of lateral connections of a neuron, at least 1; null is 100, or all where there are fewer.</summary>
    public int? MaximumLateralConnections;

    /// <summary>
    /// The goal of the neurons over their sources, F, C and L as far as they have them: in the paper's notation, or the name of
    /// a published goal of <see cref="GoalFunctions"/>. "auto" is the goal of the paper's results.
    /// </summary>
    public string Goal = InfomorphicTrainer.Options.Defaults.Goal;

    /// <summary>What the layer passes on to the layers above while it is trained.</summary>
    public PassedOutputs PassesOn = PassedOutputs.Sampled;

    /// <summary>The number of bins of each source, 2 to 64.</summary>
    public int NumberOfBins = InfomorphicTrainer.Options.Defaults.NumberOfBins;

    /// <summary>Whether the bins cover a fixed range, or adapt to each batch.</summary>
    public BinningKind Binning = BinningKind.Fixed;

    /// <summary>R: fixed bins cover (−R, R); positive.</summary>
    public double BinningRange = InfomorphicTrainer.Options.Defaults.BinningRange;

    /// <summary>α₁: the share of the drive that the context modulates; finite.</summary>
    public double Alpha1 = InfomorphicTrainer.Options.Defaults.Alpha;

    /// <summary>α₂: the share of the drive that the lateral input modulates; finite.</summary>
    public double Alpha2 = InfomorphicTrainer.Options.Defaults.Alpha;

    /// <summary>β₁: the steepness of the modulation by the context; finite.</summary>
    public double Beta1 = InfomorphicTrainer.Options.Defaults.Beta;

    /// <summary>β₂: the steepness of the modulation by the lateral input; finite.</summary>
    public double Beta2 = InfomorphicTrainer.Options.Defaults.Beta;

    /// <summary>k: the share of the drive that is not modulated, of neurons with context or lateral input but not both; finite.</summary>
    public double BivariateK = InfomorphicTrainer.Options.Defaults.BivariateK;

    /// <summary>β: the steepness of the modulation of such neurons; finite.</summary>
    public double BivariateBeta = InfomorphicTrainer.Options.Defaults.BivariateBeta;

    /// <summary>
    /// The learning rate, positive; null for that of the trainer's options or, where it has none, one that suits the number of
    /// inputs (<see cref="AutomaticSettings.LearningRate"/>).
    /// </summary>
    public double? LearningRate;

    /// <summary>The L2 weight decay, not negative.</summary>
    public double WeightDecay = InfomorphicTrainer.Options.Defaults.WeightDecay;

    /// <summary>The decay of the first moment in the optimiser, Adam; at least 0 and less than 1.</summary>
    public double FirstMomentDecay = InfomorphicTrainer.Options.Defaults.FirstMomentDecay;

    /// <summary>The decay of the second moment in the optimiser; at least 0 and less than 1.</summary>
    public double SecondMomentDecay = InfomorphicTrainer.Options.Defaults.SecondMomentDecay;

    /// <summary>ε: added to the root of the second moment in the optimiser; positive.</summary>
    public double Epsilon = InfomorphicTrainer.Options.Defaults.Epsilon;

    internal HiddenLayerOptions Copy()
    {
        var copy = (HiddenLayerOptions)MemberwiseClone();
        copy.Inputs = Inputs is null ? null : [.. Inputs];
        return copy;
    }
}
