using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using SampleSupport;

namespace Images;

/// <summary>Predicts the classes of new files, as another application would: by the saved model alone.</summary>
internal static class ImageScoring
{
    private sealed class Prediction
    {
        public string PredictedClass { get; set; } = "";

        public float[] Score { get; set; } = [];
    }

    public static int Run(string[] files, OutputFolder output, TextWriter text)
    {
        string path = Path.Combine(output.FullPath, ImageTraining.ModelFile);
        if (!File.Exists(path))
            throw new InvalidDataException(
                $"{path} is not there: train first, or name the model's folder with --output."
            );
        foreach (string file in files)
            ImageFiles.Check(file);
        var mlContext = new MLContext();
        ITransformer model = mlContext.Model.Load(path, out DataViewSchema schema);
        if (schema.GetColumnOrNull(nameof(ImageFile.Path)) is null)
            throw new InvalidDataException($"{path} was trained on a data set, and not on image files.");
        IDataView rows = mlContext.Data.LoadFromEnumerable(
            files.Select(file => new ImageFile { Path = Path.GetFullPath(file) })
        );
        IEnumerable<Prediction> predictions = mlContext.Data.CreateEnumerable<Prediction>(
            model.Transform(rows),
            reuseRowObject: false,
            ignoreMissingColumns: false
        );
        foreach ((string file, Prediction prediction) in files.Zip(predictions))
            text.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{file}: {prediction.PredictedClass} ({prediction.Score.Max():P1})"
                )
            );
        return CommandLine.Success;
    }
}
