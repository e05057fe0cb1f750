using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace SampleSupport;

/// <summary>
/// A model from a file, with the columns that it reads and those that it adds. Any number of threads score with it, each
/// with a <see cref="RowScorer"/> of its own.
/// </summary>
internal sealed class ScoringModel : IDisposable
{
    // What a classifier adds for its users; a model without any of these shows all that it adds.
    private static readonly string[] s_predictions =
    [
        "PredictedLabel",
        "Score",
        "Probability",
        "FeatureContributions",
        "ContributionBase",
    ];

    private readonly ITransformer _model;
    private readonly HashSet<string> _read;
    private readonly string[] _written;
    private readonly ConcurrentBag<RowScorer> _scorers = [];

    private ScoringModel(ITransformer model, DataViewSchema schema, string version)
    {
        _model = model;
        InputSchema = schema;
        Version = version;

        // The model itself says what it reads for what it predicts: the label of the training data, say, it does not.
        var read = new HashSet<string>();
        var block = new RowBlock(schema, schema.Select(InputColumn.Create).OfType<InputColumn>());
        IDataView scored = model.Transform(block);
        DataViewSchema.Column[] added =
        [
            .. scored.Schema.Where(column => !column.IsHidden && column.Index >= schema.Count),
        ];
        DataViewSchema.Column[] predictions = [.. added.Where(column => s_predictions.Contains(column.Name))];
        _written =
        [
            .. (predictions.Length > 0 ? predictions : added)
                .Where(column => OutputColumn.Create(column) is not null)
                .Select(column => column.Name),
        ];
        if (_written.Length == 0)
            throw new InvalidDataException("The model adds no column that can be written.");
        block.CursorOpened = columns => read.UnionWith(columns.Select(column => column.Name));
        scored.GetRowCursor(scored.Schema.Where(column => IsWritten(column))).Dispose();
        _read = read;
        foreach (DataViewSchema.Column column in schema)
            if (read.Contains(column.Name) && !column.IsHidden && InputColumn.Create(column) is null)
                throw new InvalidDataException(
                    $"The model reads column \"{column.Name}\" of type {column.Type}, which rows of text cannot hold."
                );
    }

    public DataViewSchema InputSchema { get; }

    /// <summary>Names the file's content: the first 12 hexadecimal digits of its SHA-256.</summary>
    public string Version { get; }

    /// <summary>Loads a model.</summary>
    /// <param name="file">A model file's content.</param>
    /// <exception cref="InvalidDataException">It is no model, or none that this can score with.</exception>
    public static ScoringModel Load(byte[] file)
    {
        try
        {
            using var stream = new MemoryStream(file, writable: false);
            ITransformer model = new MLContext(seed: 1).Model.Load(stream, out DataViewSchema schema);
            return schema is null
                ? throw new InvalidDataException("The model was saved without the schema of its input.")
                : new ScoringModel(model, schema, VersionOf(file));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidDataException(e.Message.Split('\n')[0].Trim(), e);
        }
    }

    public static string VersionOf(byte[] file) => Convert.ToHexStringLower(SHA256.HashData(file))[..12];

    /// <summary>A scorer that nobody else has; give it back with <see cref="Return"/>.</summary>
    public RowScorer Rent() => _scorers.TryTake(out RowScorer? scorer) ? scorer : CreateScorer();

    public void Return(RowScorer scorer)
    {
        scorer.Clear();
        _scorers.Add(scorer);
    }

    public void Dispose() => (_model as IDisposable)?.Dispose();

    private RowScorer CreateScorer()
    {
        InputColumn[] columns =
        [
            .. InputSchema
                .Where(column => !column.IsHidden && _read.Contains(column.Name))
                .Select(column => InputColumn.Create(column)!),
        ];
        var block = new RowBlock(InputSchema, columns);
        IDataView scored = _model.Transform(block);
        return new RowScorer(
            block,
            columns,
            scored,
            [.. scored.Schema.Where(IsWritten).Select(column => OutputColumn.Create(column)!)]
        );
    }

    private bool IsWritten(DataViewSchema.Column column) => !column.IsHidden && _written.Contains(column.Name);
}
