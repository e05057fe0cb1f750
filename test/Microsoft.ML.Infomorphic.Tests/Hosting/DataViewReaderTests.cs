using Microsoft.ML.Data;
using Microsoft.ML.Infomorphic.Hosting;
using Microsoft.ML.Infomorphic.Rows;
using Microsoft.ML.Runtime;

namespace Microsoft.ML.Infomorphic.Tests.Hosting;

[TestClass]
public class DataViewReaderTests
{
    private readonly MLContext _context = new(1);
    private readonly IHost _host;

    public DataViewReaderTests() => _host = ((IHostEnvironment)_context).Register("test");

    [TestMethod]
    public void Features_labels_and_the_number_of_classes_of_the_key_are_read()
    {
        List<Samples.Row> rows = Samples.Rows(10);

        LabeledRows read = Read(Samples.View(_context, rows));

        Assert.AreEqual(10, read.RowCount);
        Assert.AreEqual(3, read.ClassCount);
        Assert.IsNull(read.Weights);
        CollectionAssert.AreEqual(new[] { 0, 1, 2, 0, 1, 2, 0, 1, 2, 0 }, read.Labels);
        for (int i = 0; i < rows.Count; i++)
            CollectionAssert.AreEqual(rows[i].Features, Row(read, i));
    }

    [TestMethod]
    public void Classes_that_no_row_has_are_counted()
    {
        IDataView data = _context.Data.FilterRowsByColumn(
            Samples.View(_context),
            nameof(Samples.Row.Weight),
            lowerBound: 0
        );
        IDataView someClasses = _context.Data.FilterRowsByKeyColumnFraction(data, "Label", 0, 0.5);

        Assert.AreEqual(3, Read(someClasses).ClassCount);
    }

    [TestMethod]
    public void Rows_with_missing_parts_are_skipped_and_counted()
    {
        List<Samples.Row> rows = Samples.Rows(12);
        rows[1].Features[2] = float.NaN;
        rows[2].Features[0] = float.PositiveInfinity;
        rows[4].Weight = 0;
        rows[5].Weight = -1;
        rows[6].Weight = float.NaN;
        rows[7].Weight = float.PositiveInfinity;
        IDataView all = Samples.View(_context, rows);
        rows[9].Color = "";
        rows[10].Features[1] = float.NegativeInfinity;
        rows[10].Features[3] = float.NaN;
        IDataView data = _context
            .Transforms.Conversion.MapValueToKey("Label", nameof(Samples.Row.Color))
            .Fit(all)
            .Transform(all);
        LabeledRows? read = null;

        List<string> messages = Samples.Messages(_context, () => read = Read(data, weight: "Weight"));

        Assert.AreEqual(4, read!.RowCount);
        Assert.AreEqual(4, read.Weights!.Length);
        CollectionAssert.AreEquivalent(
            new[]
            {
                "Warning: Skipped 2 instances with missing features during training (column 'Features')",
                "Warning: Skipped 1 instances with infinite features during training (column 'Features')",
                "Warning: Skipped 1 instances with missing labels during training (column 'Label')",
                "Warning: Skipped 1 instances with missing weights during training (column 'Weight')",
                "Warning: Skipped 2 instances with weights that are not positive during training (column 'Weight')",
                "Warning: Skipped 1 instances with infinite weights during training (column 'Weight')",
            },
            messages.Where(message => message.StartsWith("Warning: ", StringComparison.Ordinal)).ToArray()
        );
    }

    [TestMethod]
    public void Data_without_a_valid_row_are_refused_with_the_reason()
    {
        List<Samples.Row> rows = Samples.Rows(6);
        rows.ForEach(row => row.Features[0] = float.NaN);

        Assert.AreEqual(
            "No valid training instances found, all instances have missing features (column 'Features').",
            Samples.Failure<InvalidOperationException>(() => Read(Samples.View(_context, rows)))
        );
    }

    [TestMethod]
    public void Data_whose_rows_are_invalid_for_several_reasons_are_refused_with_all_of_them()
    {
        List<Samples.Row> rows = Samples.Rows(6);
        rows.ForEach(row => row.Weight = 0);
        rows[4].Weight = -2;
        rows[5].Weight = 1;
        rows[5].Features[0] = float.PositiveInfinity;

        Assert.AreEqual(
            "No valid training instances found, 1 have infinite features (column 'Features'), 5 have weights that are not positive (column 'Weight').",
            Samples.Failure<InvalidOperationException>(() => Read(Samples.View(_context, rows), weight: "Weight"))
        );
    }

    [TestMethod]
    public void Data_without_rows_are_refused_with_the_reason()
    {
        IDataView none = _context.Data.SkipRows(Samples.View(_context), 1000);

        Assert.AreEqual(
            "No valid training instances found, there are no rows.",
            Samples.Failure<InvalidOperationException>(() => Read(none))
        );
    }

    [TestMethod]
    public void Rows_that_are_missing_are_not_taken_for_classes_that_are()
    {
        // MapValueToKey makes one class of no labels.
        Assert.AreEqual(
            "No valid training instances found, there are no rows.",
            Samples.Failure<InvalidOperationException>(() => Read(Samples.View(_context, [])))
        );
        List<Samples.Row> rows = Samples.Rows(5);
        rows.ForEach(row => row.Color = "");
        Assert.AreEqual(
            "No valid training instances found, all instances have missing labels (column 'Label').",
            Samples.Failure<InvalidOperationException>(() => Read(Samples.View(_context, rows)))
        );
    }

    [TestMethod]
    public void A_key_with_one_class_is_refused()
    {
        IDataView data = Samples.View(_context, Samples.Rows().Where(row => row.Color == "red"));

        StringAssert.StartsWith(
            Samples.Failure<ArgumentOutOfRangeException>(() => Read(data)),
            "The label column 'Label' has only one class, and a classifier needs at least two."
        );
    }

    [TestMethod]
    public void Reading_stops_where_the_context_is_cancelled()
    {
        IDataView data = Samples.View(_context);
        _context.CancelExecution();

        Assert.ThrowsExactly<OperationCanceledException>(() => Read(data));
    }

    private LabeledRows Read(IDataView data, string? weight = null)
    {
        using IChannel channel = _host.Start("test");
        return DataViewReader
            .Read(
                _host,
                channel,
                new RoleMappedData(data, "Label", "Features", weight: weight),
                "training",
                _host.CheckAlive
            )
            .Rows!;
    }

    private static float[] Row(LabeledRows rows, int row)
    {
        var features = new float[rows.Features.FeatureCount];
        rows.Features.CopyRow(row, features);
        return features;
    }
}
