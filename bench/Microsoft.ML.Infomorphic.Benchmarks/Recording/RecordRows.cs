using Microsoft.ML.Data;

namespace Microsoft.ML.Infomorphic.Benchmarks;

/// <summary>A row of a recorded case.</summary>
internal sealed class RecordRow
{
    /// <summary>The class, from 0.</summary>
    public uint Label { get; set; }

    public VBuffer<float> Features { get; set; }

    public float Weight { get; set; } = 1;
}

/// <summary>Made-up rows, always the same, or rows of MNIST.</summary>
/// <param name="FeatureCount">Number of features.</param>
/// <param name="ClassCount">Number of classes.</param>
/// <param name="Rows">The rows.</param>
internal sealed record RecordRows(int FeatureCount, int ClassCount, IReadOnlyList<RecordRow> Rows)
{
    /// <summary>The schema of the rows.</summary>
    public SchemaDefinition Schema
    {
        get
        {
            var schema = SchemaDefinition.Create(typeof(RecordRow));
            schema[nameof(RecordRow.Label)].ColumnType = new KeyDataViewType(typeof(uint), ClassCount);
            schema[nameof(RecordRow.Features)].ColumnType = new VectorDataViewType(
                NumberDataViewType.Single,
                FeatureCount
            );
            return schema;
        }
    }

    /// <summary>
    /// Rows of classes that overlap, of features on different scales; nothing but sums and products, so that they are the
    /// same everywhere.
    /// </summary>
    /// <param name="rows">Number of rows.</param>
    /// <param name="features">Number of features.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="seed">Seed of everything random.</param>
    /// <param name="classesWithRows">Number of classes that have rows; 0 for all.</param>
    public static RecordRows MakeUp(int rows, int features, int classes, int seed, int classesWithRows = 0)
    {
        var random = new Random(seed);
        var made = new RecordRow[rows];
        for (int i = 0; i < rows; i++)
        {
            int label = random.Next(classesWithRows == 0 ? classes : classesWithRows);
            float[] values = new float[features];
            for (int j = 0; j < features; j++)
            {
                float noise = random.NextSingle() + random.NextSingle() + random.NextSingle() - 1.5f;
                float value = noise + (j % (classes + 2) == label ? 0.5f : 0);
                values[j] = value * (1 + j % 4) + j % 3;
            }

            made[i] = new RecordRow
            {
                Label = (uint)label,
                Features = new VBuffer<float>(features, values),
                Weight = 0.25f + 2 * random.NextSingle(),
            };
        }

        return new RecordRows(features, classes, made);
    }

    /// <summary>The rows as a view.</summary>
    public IDataView View(MLContext context) => context.Data.LoadFromEnumerable(Rows, Schema);

    /// <summary>The same rows with only a fifth of their features, the others zero and left out; one row has none.</summary>
    public RecordRows Sparse() => this with { Rows = [.. Rows.Select(Thin)] };

    /// <summary>The same rows, one of which has a missing feature and one nothing but zeros.</summary>
    public RecordRows WithOddOnes()
    {
        RecordRow[] rows = [.. Rows];
        float[] missing = [.. rows[^1].Features.DenseValues()];
        missing[FeatureCount / 2] = float.NaN;
        rows[^1] = new RecordRow { Features = new VBuffer<float>(FeatureCount, missing) };
        rows[^2] = new RecordRow { Features = new VBuffer<float>(FeatureCount, new float[FeatureCount]) };
        return this with { Rows = rows };
    }

    private RecordRow Thin(RecordRow row, int place)
    {
        float[] values = [.. row.Features.DenseValues()];
        int[] kept =
        [
            .. Enumerable
                .Range(0, FeatureCount)
                .Where(j => place != 10 && (7 * place + 13 * j) % 5 == 0 && values[j] != 0),
        ];
        return new RecordRow
        {
            Label = row.Label,
            Weight = row.Weight,
            Features = new VBuffer<float>(FeatureCount, kept.Length, [.. kept.Select(j => values[j])], kept),
        };
    }
}
