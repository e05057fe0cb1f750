// Scores wines over HTTP:
//
//   dotnet run --urls http://localhost:8080
//   curl -H 'content-type: application/json' http://localhost:8080/score \
//     -d '[{"features":[14.2,1.7,2.4,15.6,127,2.8,3.1,0.3,2.3,5.6,1.0,3.9,1065]}]'
//
// For a model of your own, put it in the place of model.zip and its columns in the place of those of Wine.
using Microsoft.ML;
using Microsoft.ML.Data;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
string path = Path.GetFullPath(builder.Configuration["Model"] ?? "model.zip");
var mlContext = new MLContext(seed: 1);
if (!File.Exists(path))
    Train(mlContext, path);
ITransformer model = mlContext.Model.LoadWhole(path, out _);
string[] classes = ClassesOf(model.GetOutputSchema(SchemaDefinitionOf(mlContext)));

WebApplication app = builder.Build();
app.MapGet("/health", () => "ok");
app.MapPost(
    "/score",
    (Wine[] wines) =>
    {
        if (wines.Length is 0 or > 10_000)
            return Results.BadRequest("Send 1 to 10,000 rows.");
        if (wines.Any(wine => wine.Features?.Length != Wine.FeatureCount))
            return Results.BadRequest($"Each row has \"features\", {Wine.FeatureCount} numbers.");

        // A transformer can be used by any number of requests at once.
        IDataView scored = model.Transform(mlContext.Data.LoadFromEnumerable(wines));
        return Results.Ok(
            mlContext
                .Data.CreateEnumerable<Prediction>(scored, reuseRowObject: false)
                .Select(prediction => new
                {
                    prediction.PredictedLabel,
                    Probabilities = classes.Zip(prediction.Score).ToDictionary(pair => pair.First, pair => pair.Second),
                })
        );
    }
);
app.Run();

static void Train(MLContext mlContext, string path)
{
    IDataView data = mlContext.Data.LoadFromTextFile<Wine>(
        Path.Combine(AppContext.BaseDirectory, "wine.csv"),
        separatorChar: ',',
        hasHeader: true
    );
    ITransformer model = mlContext
        .Transforms.Conversion.MapValueToKey("Label")
        .Append(mlContext.MulticlassClassification.Trainers.Infomorphic())
        .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
        .Fit(data);
    mlContext.Model.SaveWhole(model, data.Schema, path);
}

static DataViewSchema SchemaDefinitionOf(MLContext mlContext) => mlContext.Data.LoadFromEnumerable<Wine>([]).Schema;

static string[] ClassesOf(DataViewSchema schema)
{
    VBuffer<ReadOnlyMemory<char>> names = default;
    schema["Score"].GetSlotNames(ref names);
    return [.. names.DenseValues().Select(name => name.ToString())];
}

internal sealed class Wine
{
    public const int FeatureCount = 13;

    [LoadColumn(0, FeatureCount - 1), VectorType(FeatureCount)]
    public float[] Features { get; set; } = [];

    [LoadColumn(FeatureCount)]
    public string Label { get; set; } = "";
}

internal sealed class Prediction
{
    public string PredictedLabel { get; set; } = "";

    public float[] Score { get; set; } = [];
}
