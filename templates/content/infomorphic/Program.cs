// Trains an infomorphic network on a CSV file with a header, measures it on a fifth of the rows, saves it, and reports what
// its neurons do:
//
//   dotnet run                                   wines, from wine.csv
//   dotnet run -- my.csv --label species         your own table; the label is the last column where nobody says
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Reporting;
using Tabular;

(string path, string? label) = args switch
{
    [] => (Path.Combine(AppContext.BaseDirectory, "wine.csv"), (string?)null),
    [string file] => (file, null),
    [string file, "--label", string column] => (file, column),
    _ => ("", null),
};
if (!File.Exists(path))
{
    Console.Error.WriteLine($"There is no file \"{path}\". Usage: dotnet run -- my.csv --label COLUMN");
    return 1;
}

// All cells as text first, to see what the columns are: numbers, categories or text.
var mlContext = new MLContext(seed: 1);
var table = new CsvFile(path);
string[][] cells = [.. table.ReadCells(mlContext)];
string[] names = cells[0];
int target = label is null ? names.Length - 1 : Array.IndexOf(names, label);
if (target < 0 || cells.FirstOrDefault(row => row.Length != names.Length) is not null || cells.Length < 10)
{
    Console.Error.WriteLine(
        target < 0
            ? $"There is no column \"{label}\"; the columns are {string.Join(", ", names)}."
            : "The file is no table: it needs a header, and at least nine rows with as many cells."
    );
    return 1;
}
InferredColumn[] columns =
[
    .. names.Index().Where(column => column.Index != target).Select(column => Infer(column.Item, column.Index)),
];
foreach (InferredColumn column in columns)
    Console.WriteLine($"{column.Name}: {column.Kind}{(column.Incomplete ? ", some cells are missing" : "")}");

IDataView rows = table.Load(
    mlContext,
    [
        new TextLoader.Column("Label", DataKind.String, target),
        .. columns
            .Where(column => column.Kind != ColumnKind.Ignored)
            .Select(column => new TextLoader.Column(
                column.Name,
                column.Kind == ColumnKind.Numeric ? DataKind.Single : DataKind.String,
                Array.IndexOf(names, column.Name)
            )),
    ]
);
DataOperationsCatalog.TrainTestData split = mlContext.Data.TrainTestSplit(rows, testFraction: 0.2, seed: 1);

// What the columns become is learned from the training rows, and so is the network; together they are the model.
ITransformer key = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows);
ITransformer preparation = InferredColumn.Preparation(mlContext.Transforms, columns).Fit(split.TrainSet);
IDataView train = mlContext.Data.Cache(preparation.Transform(key.Transform(split.TrainSet)));
IDataView test = mlContext.Data.Cache(preparation.Transform(key.Transform(split.TestSet)));

var network = mlContext.MulticlassClassification.Trainers.Infomorphic().Fit(train);

MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(network.Transform(test));
Console.WriteLine(
    $"accuracy {metrics.MicroAccuracy:P1}, log-loss {metrics.LogLoss:F3} on rows that were not learned from"
);

ITransformer answer = mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(network.Transform(train));
mlContext.Model.Save(new TransformerChain<ITransformer>(preparation, network, answer), rows.Schema, "model.zip");
InfomorphicReport.Write(network.Model, test, "report.html");
Console.WriteLine($"{Path.GetFullPath("model.zip")}\n{Path.GetFullPath("report.html")}");
return 0;

InferredColumn Infer(string name, int index)
{
    var inference = new ColumnInference(name);
    foreach (string[] row in cells.Skip(1))
        inference.Add(row[index]);
    return new InferredColumn(name, inference.Kind, inference.Kind == ColumnKind.Numeric && inference.Incomplete);
}
