namespace Microsoft.ML.Infomorphic.Training;

/// <summary>Where a training was with its optimiser, so that another one goes on as if it were the same.</summary>
/// <param name="Steps">Steps since the moments were 0, at least 1; what neurons draw in a step follows from its number.</param>
/// <param name="Epochs">Passes over the training rows; their order in the next follows from it.</param>
/// <param name="Matrices">
/// Of each parameter in training the values, then of each the first moments, then the second: of a network's parameters all that
/// is lost when signs are decided and the standardisation is folded into the weights.
/// </param>
internal sealed record OptimizerState(long Steps, int Epochs, IReadOnlyList<float[]> Matrices);
