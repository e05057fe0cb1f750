using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Tests.Training;

/// <summary>Rows in memory that pretend to be a view: they are read one after another, and readings are counted.</summary>
internal sealed class ReadableRows(LabeledRows rows) : IRowReader
{
    public string Purpose => "training";

    /// <summary>How often a reading was begun.</summary>
    public int Readings { get; private set; }

    /// <summary>How many readings were begun and not ended.</summary>
    public int Open { get; private set; }

    /// <summary>How many rows were read.</summary>
    public long RowsRead { get; private set; }

    /// <summary>Rows that there are now.</summary>
    public int Count { get; set; } = rows.RowCount;

    /// <summary>Called before each row is read.</summary>
    public Action<int> Reading { get; set; } = static _ => { };

    /// <summary>Whether rows are given without their zeros.</summary>
    public bool IsSparse { get; init; }

    public RowSurvey Survey()
    {
        var survey = new RowSurvey(rows.Features.FeatureCount, rows.ClassCount, rows.Weights is not null);
        for (int i = 0; i < rows.RowCount; i++)
            survey.Add(rows.Labels[i], Problems.FeaturesOf(rows, i).Count(value => value != 0));
        return survey;
    }

    public StreamedRows Stream(int rowsPerBlock, int rowsToKeep = 0) =>
        new(this, Survey(), rowsPerBlock, rowsToKeep, new GarbageLimit(null));

    public IRowPass Begin()
    {
        Readings++;
        Open++;
        return new Pass(this, rows);
    }

    private sealed class Pass(ReadableRows owner, LabeledRows rows) : IRowPass
    {
        private int _row = -1;

        public bool MoveNext() => ++_row < owner.Count;

        public RowValues Read()
        {
            owner.Reading(_row);
            owner.RowsRead++;
            int row = _row % rows.RowCount;
            float[] features = Problems.FeaturesOf(rows, row);
            int[] indices = [.. Enumerable.Range(0, features.Length).Where(i => !owner.IsSparse || features[i] != 0)];
            return new RowValues
            {
                Label = rows.Labels[row],
                Weight = rows.Weights?[row] ?? 1,
                Features = owner.IsSparse ? [.. indices.Select(i => features[i])] : features,
                IsFull = !owner.IsSparse,
                Indices = owner.IsSparse ? indices : [],
            };
        }

        public void Dispose() => owner.Open--;
    }
}
