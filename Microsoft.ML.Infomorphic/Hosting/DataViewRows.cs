using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Networks;
using Microsoft.ML.Infomorphic.Rows;

namespace Microsoft.ML.Infomorphic.Hosting;

/// <summary>Reads the valid rows of a data view again, as often as they are needed.</summary>
/// <param name="data">The data.</param>
/// <param name="purpose">What the rows are for, as the messages say it.</param>
/// <param name="labelCount">Number of labels of its column.</param>
/// <param name="missing">What becomes of rows with missing features.</param>
/// <param name="skipped">Where, among all rows, those are that the first reading skipped; ascending.</param>
/// <param name="checkAlive">Called before every row; throws where the user has cancelled.</param>
/// <param name="classes">The class of each label; null where labels are numbered as the classes are.</param>
internal sealed class DataViewRows(
    RoleMappedData data,
    string purpose,
    int labelCount,
    MissingValues missing,
    long[] skipped,
    Action checkAlive,
    ClassMap? classes = null
) : IRowReader
{
    public string Purpose => purpose;

    public void WaitFor(Action work) => Patience.WaitFor(work, checkAlive);

    public IRowPass Begin() =>
        new Pass(purpose, new LabeledRowCursor(data, labelCount, missing, checkAlive, classes), skipped);

    private sealed class Pass(string purpose, LabeledRowCursor cursor, long[] skipped) : IRowPass
    {
        private int _nextSkipped;

        public bool MoveNext()
        {
            do
            {
                if (!cursor.MoveNext())
                    return false;
            } while (IsSkipped());
            return true;
        }

        public RowValues Read()
        {
            RowFault fault = cursor.Read();
            return fault == RowFault.None
                ? cursor.Values
                : throw StreamedRows.Changed(
                    purpose,
                    $"instance {cursor.Position + 1} has {SkippedRows.Describe(fault)} now, which it had not"
                );
        }

        public void Dispose() => cursor.Dispose();

        private bool IsSkipped()
        {
            if (_nextSkipped == skipped.Length || skipped[_nextSkipped] != cursor.Position)
                return false;
            _nextSkipped++;
            return true;
        }
    }
}
