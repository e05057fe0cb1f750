using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Infomorphic.Training;

namespace Microsoft.ML.Infomorphic.Tests.Training;

internal static class EngineExtensions
{
    /// <summary>What a trial's output neurons aggregate for a batch, neuron by neuron.</summary>
    public static float[][] Evaluate(this TrainingEngine engine, LabeledRows rows, int[] batch, int trial = 0)
    {
        float[][] outputs = [];
        engine.Evaluate(
            rows,
            batch,
            [trial],
            (_, output) => outputs = [.. Enumerable.Range(0, output.Rows).Select(neuron => output[neuron].ToArray())]
        );
        return outputs;
    }
}
