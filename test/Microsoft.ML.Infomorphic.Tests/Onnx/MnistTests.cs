using Microsoft.ML.Data;
using Mnist;

namespace Microsoft.ML.Infomorphic.Tests.Onnx;

/// <summary>The whole MNIST test set, scored here and in ONNX Runtime.</summary>
[TestClass]
public class MnistTests
{
    private const float Tolerance = 1e-5f; // what the export promises

    [TestMethod]
    [DataRow(100)]
    [DataRow(20)] // drawn connections
    public void ONNX_Runtime_gives_the_scores_and_labels_of_every_test_image(int connections)
    {
        var context = new MLContext(1);
        MnistData data = MnistData.Load(null);
        IDataView train = View(data.Train[..4000]);
        IDataView test = View(data.Test);
        InfomorphicPredictionTransformer model = context
            .MulticlassClassification.Trainers.Infomorphic(
                new InfomorphicTrainer.Options
                {
                    NumberOfHiddenNeurons = 100,
                    MaximumLateralConnections = connections,
                    NumberOfEpochs = 20,
                    BatchSize = 500,
                    Seed = 1,
                    Device = "cpu",
                }
            )
            .Fit(train);
        IDataView scored = model.Transform(test);
        float[][] expected = Hosting.Samples.Scores(scored);
        uint[] keys = [.. scored.GetColumn<uint>("PredictedLabel")];
        using var stream = new MemoryStream();
        model.SaveAsOnnx(stream);

        (float[][] scores, long[] labels) = OnnxRuns.Run<long>(
            stream.ToArray(),
            [.. data.Test.Select(image => image.Features)]
        );

        float largest = 0;
        int right = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            for (int k = 0; k < expected[i].Length; k++)
                largest = Math.Max(largest, Math.Abs(expected[i][k] - scores[i][k]));
            Assert.AreEqual(keys[i] - 1L, labels[i], $"image {i}");
            right += labels[i] == data.Test[i].Label ? 1 : 0;
        }
        Console.WriteLine(
            $"{connections} connections: largest difference {largest:E1}; {right} right; {stream.Length} bytes"
        );
        Assert.IsLessThan(Tolerance, largest);
        Assert.IsGreaterThan(8000, right); // a trained network, whose scores say something

        IDataView View(DigitImage[] images)
        {
            IDataView view = context.Data.LoadFromEnumerable(images);
            return context
                .Transforms.Conversion.MapValueToKey(
                    "Label",
                    keyOrdinality: Transforms.ValueToKeyMappingEstimator.KeyOrdinality.ByValue
                )
                .Fit(view)
                .Transform(view);
        }
    }
}
