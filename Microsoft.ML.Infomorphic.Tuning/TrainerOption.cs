namespace Microsoft.ML.Infomorphic.Tuning;

/// <summary>
/// An option of the trainer that a search may set, by the name that it has in <see cref="InfomorphicTrainer.Options"/>. Those of
/// hidden neurons are options of a layer, too, by the same name in <see cref="HiddenLayerOptions"/>.
/// </summary>
public enum TrainerOption
{
    /// <summary><see cref="InfomorphicTrainer.Options.NumberOfHiddenNeurons"/>, of a layer <see cref="HiddenLayerOptions.NumberOfNeurons"/>: a whole number of at least 1.</summary>
    NumberOfHiddenNeurons = 0,

    /// <summary><see cref="InfomorphicTrainer.Options.BatchSize"/>, a whole number of at least 2.</summary>
    BatchSize = 1,

    /// <summary><see cref="InfomorphicTrainer.Options.MaximumLateralConnections"/>, a whole number of at least 1.</summary>
    MaximumLateralConnections = 2,

    /// <summary><see cref="InfomorphicTrainer.Options.NumberOfBins"/>, a whole number from 2 to 64.</summary>
    NumberOfBins = 3,

    /// <summary><see cref="InfomorphicTrainer.Options.BinningRange"/>, positive.</summary>
    BinningRange = 4,

    /// <summary><see cref="InfomorphicTrainer.Options.Alpha1"/>.</summary>
    Alpha1 = 5,

    /// <summary><see cref="InfomorphicTrainer.Options.Alpha2"/>.</summary>
    Alpha2 = 6,

    /// <summary><see cref="InfomorphicTrainer.Options.Beta1"/>.</summary>
    Beta1 = 7,

    /// <summary><see cref="InfomorphicTrainer.Options.Beta2"/>.</summary>
    Beta2 = 8,

    /// <summary><see cref="InfomorphicTrainer.Options.LearningRate"/>, positive.</summary>
    LearningRate = 9,

    /// <summary><see cref="InfomorphicTrainer.Options.WeightDecay"/>, not negative.</summary>
    WeightDecay = 10,

    /// <summary><see cref="InfomorphicTrainer.Options.OutputLearningRate"/>, positive.</summary>
    OutputLearningRate = 11,

    /// <summary><see cref="InfomorphicTrainer.Options.OutputWeightDecay"/>, not negative.</summary>
    OutputWeightDecay = 12,

    /// <summary><see cref="InfomorphicTrainer.Options.BivariateK"/>, for hidden neurons with context or lateral input alone.</summary>
    BivariateK = 13,

    /// <summary><see cref="InfomorphicTrainer.Options.BivariateBeta"/>, for such hidden neurons.</summary>
    BivariateBeta = 14,
}
