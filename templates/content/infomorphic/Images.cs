// Trains an infomorphic network on images in folders that are called as their classes, measures it on a fifth of them, saves
// it, and reports what its neurons do:
//
//   dotnet run                       circles, squares and triangles, which the program draws
//   dotnet run -- pictures           pictures/cat/*.png, pictures/dog/*.jpg, ...
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Reporting;
using SkiaSharp;

const int Side = 20; // pixels that an image is scaled to
string folder = args is [string given] ? given : "shapes";
if (args.Length == 0 && !Directory.Exists(folder))
    DrawShapes(folder);
string[] extensions = [".png", ".jpg", ".jpeg", ".bmp", ".webp"];
Picture[] pictures = Directory.Exists(folder)
    ?
    [
        .. Directory
            .GetDirectories(folder)
            .SelectMany(Directory.GetFiles)
            .Where(file => extensions.Contains(Path.GetExtension(file).ToLowerInvariant()))
            .Order(StringComparer.Ordinal)
            .Select(file => new Picture(Path.GetFullPath(file), Path.GetFileName(Path.GetDirectoryName(file)!))),
    ]
    : [];
if (pictures.DistinctBy(picture => picture.Label).Count() < 2)
{
    Console.Error.WriteLine(
        $"\"{folder}\" needs at least two folders with images, one for each class. Usage: dotnet run -- FOLDER"
    );
    return 1;
}

var mlContext = new MLContext(seed: 1);
IDataView rows = mlContext.Data.LoadFromEnumerable(pictures);
DataOperationsCatalog.TrainTestData split = mlContext.Data.TrainTestSplit(rows, testFraction: 0.2, seed: 1);
ITransformer key = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows);
ITransformer preparation = mlContext
    .Transforms.LoadImages("Image", "", "ImagePath")
    .Append(mlContext.Transforms.ResizeImages("Image", Side, Side))
    .Append(mlContext.Transforms.ConvertToGrayscale("Image"))
    .Append(
        mlContext.Transforms.ExtractPixels(
            "Features",
            "Image",
            Microsoft.ML.Transforms.Image.ImagePixelExtractingEstimator.ColorBits.Red
        )
    )
    .Fit(rows);
IDataView train = mlContext.Data.Cache(preparation.Transform(key.Transform(split.TrainSet)), "Features", "Label");
IDataView test = mlContext.Data.Cache(preparation.Transform(key.Transform(split.TestSet)), "Features", "Label");

var network = mlContext.MulticlassClassification.Trainers.Infomorphic().Fit(train);

MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(network.Transform(test));
Console.WriteLine($"accuracy {metrics.MicroAccuracy:P1}, log-loss {metrics.LogLoss:F3} on images that were not learned from");

ITransformer answer = mlContext
    .Transforms.Conversion.MapKeyToValue("PredictedLabel")
    .Fit(network.Transform(train));
mlContext.Model.Save(new TransformerChain<ITransformer>(preparation, network, answer), rows.Schema, "model.zip");
InfomorphicReport.Write(network.Model, test, "report.html", new ReportOptions { ImageWidth = Side });
Console.WriteLine($"{Path.GetFullPath("model.zip")}\n{Path.GetFullPath("report.html")}");
return 0;

// 300 of each: dark on light, of any size and place, with noise.
static void DrawShapes(string folder)
{
    var random = new Random(1);
    foreach (string shape in (string[])["circle", "square", "triangle"])
    {
        Directory.CreateDirectory(Path.Combine(folder, shape));
        for (int i = 0; i < 300; i++)
        {
            using var bitmap = new SKBitmap(Side, Side);
            using var canvas = new SKCanvas(bitmap);
            using var paint = new SKPaint { Color = SKColors.Black, IsAntialias = true };
            canvas.Clear(SKColors.White);
            float radius = 4 + 4 * random.NextSingle();
            float x = radius + (Side - 2 * radius) * random.NextSingle();
            float y = radius + (Side - 2 * radius) * random.NextSingle();
            if (shape == "circle")
                canvas.DrawCircle(x, y, radius, paint);
            else if (shape == "square")
                canvas.DrawRect(x - radius, y - radius, 2 * radius, 2 * radius, paint);
            else
            {
                using var corners = new SKPath();
                corners.AddPoly(
                    [
                        new SKPoint(x, y - radius),
                        new SKPoint(x + radius, y + radius),
                        new SKPoint(x - radius, y + radius),
                    ]
                );
                canvas.DrawPath(corners, paint);
            }
            for (int noise = 0; noise < 10; noise++)
                bitmap.SetPixel(random.Next(Side), random.Next(Side), SKColors.Gray);
            using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            File.WriteAllBytes(Path.Combine(folder, shape, $"{i:D3}.png"), png.ToArray());
        }
    }
}

internal sealed record Picture(string ImagePath, string Label);
