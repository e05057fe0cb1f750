using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace Microsoft.ML.Infomorphic.Tests.Onnx;

/// <summary>Runs an ONNX model in ONNX Runtime.</summary>
internal static class OnnxRuns
{
    public static (float[][] Scores, T[] Labels) Run<T>(byte[] model, IReadOnlyList<float[]> rows)
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
        using var session = new InferenceSession(model, options);
        string input = session.InputMetadata.Keys.Single();
        var features = new DenseTensor<float>(rows.SelectMany(row => row).ToArray(), [rows.Count, rows[0].Length]);
        using IDisposableReadOnlyCollection<DisposableNamedOnnxValue> outputs = session.Run([
            NamedOnnxValue.CreateFromTensor(input, features),
        ]);
        float[] scores = [.. outputs.Single(output => output.Name == "Score").AsTensor<float>()];
        T[] labels = [.. outputs.Single(output => output.Name == "PredictedLabel").AsTensor<T>()];
        return ([.. scores.Chunk(scores.Length / rows.Count)], labels);
    }
}
