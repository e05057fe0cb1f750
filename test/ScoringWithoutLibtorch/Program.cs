// An application that references the library and no libtorch.
//
//   ScoringWithoutLibtorch score MODEL ROWS    scores each line of a file of comma-separated features; prints the bits
//                                              of a line's scores, in hexadecimal
//   ScoringWithoutLibtorch train               trains, which it cannot; prints why, and ends with 1

using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;

var context = new MLContext(seed: 1);
switch (args)
{
    case ["score", string model, string rows]:
        try
        {
            Score(context.Model.LoadWhole(model, out _), ReadRows(rows));
            return 0;
        }
        catch (InvalidOperationException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return 1;
        }

    case ["train"]:
        try
        {
            Train();
            return 0;
        }
        catch (InvalidOperationException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return 1;
        }

    default:
        Console.Error.WriteLine("Usage: ScoringWithoutLibtorch score MODEL ROWS | ScoringWithoutLibtorch train");
        return 2;
}

static float[][] ReadRows(string file) =>
    [
        .. File.ReadLines(file)
            .Select(line =>
                line.Split(',').Select(value => float.Parse(value, CultureInfo.InvariantCulture)).ToArray()
            ),
    ];

void Score(ITransformer model, float[][] rows)
{
    IDataView scored = model.Transform(View(rows.Select(features => new Row { Features = features }), rows[0].Length));
    foreach (VBuffer<float> scores in scored.GetColumn<VBuffer<float>>("Score"))
        Console.WriteLine(
            string.Join(
                ' ',
                scores
                    .DenseValues()
                    .Select(score =>
                        BitConverter.SingleToUInt32Bits(score).ToString("X8", CultureInfo.InvariantCulture)
                    )
            )
        );
}

void Train()
{
    IDataView data = View(
        Enumerable.Range(0, 20).Select(i => new Row { Label = i % 2 == 0 ? "even" : "odd", Features = [i % 2, i] }),
        size: 2
    );
    context
        .Transforms.Conversion.MapValueToKey("Label")
        .Append(context.MulticlassClassification.Trainers.Infomorphic())
        .Fit(data);
}

// The size of the feature vectors is known when the program runs.
IDataView View(IEnumerable<Row> rows, int size)
{
    var schema = SchemaDefinition.Create(typeof(Row));
    schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, size);
    return context.Data.LoadFromEnumerable(rows, schema);
}

internal sealed class Row
{
    public string Label { get; set; } = "";

    public float[] Features { get; set; } = [];
}
