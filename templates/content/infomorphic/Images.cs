// Trains an infomorphic network on images in folders that are called as their classes, measures it on a fifth of them, saves
// it, and reports what its neurons do:
//
//   dotnet run                       circles, squares and triangles, which the program draws
//   dotnet run -- pictures           pictures/cat/*.png, pictures/dog/*.jpg, ...
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Reporting;
using SkiaSharp;

const int Side = Picture.Side;
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
            .Select(Read),
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
IDataView keyed = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
DataOperationsCatalog.TrainTestData split = mlContext.Data.TrainTestSplit(keyed, testFraction: 0.2, seed: 1);

var options = new InfomorphicTrainer.Options { Image = new ImageShape(Side, Side) };
var network = mlContext.MulticlassClassification.Trainers.Infomorphic(options).Fit(split.TrainSet);

MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(network.Transform(split.TestSet));
Console.WriteLine(
    $"accuracy {metrics.MicroAccuracy:P1}, log-loss {metrics.LogLoss:F3} on images that were not learned from"
);

ITransformer answer = mlContext
    .Transforms.Conversion.MapKeyToValue("PredictedLabel")
    .Fit(network.Transform(split.TrainSet));
mlContext.Model.Save(new TransformerChain<ITransformer>(network, answer), rows.Schema, "model.zip");
InfomorphicReport.Write(network.Model, split.TestSet, "report.html", new ReportOptions { ImageWidth = Side });
Console.WriteLine($"{Path.GetFullPath("model.zip")}\n{Path.GetFullPath("report.html")}");
return 0;

// Scaled to a square, and grey: from 0, black, to 1.
static Picture Read(string file)
{
    using SKBitmap image = SKBitmap.Decode(file) ?? throw new InvalidDataException($"\"{file}\" is no image.");
    using SKBitmap small = image.Resize(
        new SKImageInfo(Side, Side),
        new SKSamplingOptions(SKFilterMode.Linear, SKMipmapMode.Linear)
    );
    return new Picture
    {
        Features =
        [
            .. small.Pixels.Select(pixel => (0.299f * pixel.Red + 0.587f * pixel.Green + 0.114f * pixel.Blue) / 255),
        ],
        Label = Path.GetFileName(Path.GetDirectoryName(file)!),
    };
}

// 300 of each: dark on light, larger and smaller, a little beside the middle, with noise.
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
            float x = Side / 2f + 4 * (random.NextSingle() - 0.5f);
            float y = Side / 2f + 4 * (random.NextSingle() - 0.5f);
            if (shape == "circle")
                canvas.DrawCircle(x, y, radius, paint);
            else if (shape == "square")
                canvas.DrawRect(x - radius, y - radius, 2 * radius, 2 * radius, paint);
            else
            {
                using var corners = new SKPath();
                corners.AddPoly([
                    new SKPoint(x, y - radius),
                    new SKPoint(x + radius, y + radius),
                    new SKPoint(x - radius, y + radius),
                ]);
                canvas.DrawPath(corners, paint);
            }
            for (int noise = 0; noise < 10; noise++)
                bitmap.SetPixel(random.Next(Side), random.Next(Side), SKColors.Gray);
            using SKData png = bitmap.Encode(SKEncodedImageFormat.Png, 100);
            File.WriteAllBytes(Path.Combine(folder, shape, $"{i:D3}.png"), png.ToArray());
        }
    }
}

internal sealed class Picture
{
    public const int Side = 20; // pixels that an image is scaled to

    [VectorType(Side * Side)]
    public float[] Features { get; set; } = [];

    public string Label { get; set; } = "";
}
