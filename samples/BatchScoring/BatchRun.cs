using System.Globalization;
using SampleSupport;

namespace BatchScoring;

/// <summary>One run from a file of rows to a file of predictions.</summary>
internal static class BatchRun
{
    // Rows that are scored at once.
    private const int BlockRows = 1024;

    /// <exception cref="ArgumentException">An option is wrong.</exception>
    /// <exception cref="InvalidDataException">The model or the input is.</exception>
    /// <exception cref="InvalidOperationException">There is an output already, or a part of another one.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static int Run(BatchOptions options) =>
        RunAsync(options, Console.Out, Console.Error).GetAwaiter().GetResult();

    internal static async Task<int> RunAsync(BatchOptions options, TextWriter output, TextWriter progress)
    {
        // Mistakes in the options are found before anything is written.
        TableFormats.Of(options.Input, "--input");
        TableFormats.Of(options.Output, "--output");
        if (Path.GetFullPath(options.Input) == Path.GetFullPath(options.Output))
            throw new ArgumentException("--input and --output are the same file.");
        using ScoringModel model = Load(options.Model);
        RowScorer scorer = model.Rent();
        options.Columns.Check(scorer.Inputs);
        await using RowReader rows = await RowReader.OpenAsync(options, scorer.Inputs);
        var predictions = new Predictions(scorer.Outputs);
        PartFiles format = PartFiles.Of(options, predictions);

        using PartFolder parts = PartFolder.Open(options.Output, Describe(options, model), options.Restart);
        long done = parts.Rows;
        if (done > 0)
            progress.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{done:N0} rows have been done before; going on after them."
                )
            );
        await rows.SkipAsync(done);
        var lines = new ProgressLines(progress, done, rows.Progress);

        // A part that is not full was the last one.
        for (bool isLast = parts.LastRows < options.PartRows; !isLast; )
        {
            predictions.Clear();
            while (!isLast && predictions.Count < options.PartRows)
            {
                scorer.Clear();
                int most = Math.Min(BlockRows, options.PartRows - predictions.Count);
                while (scorer.Count < most && !(isLast = !await rows.ReadAsync()))
                    Add(scorer, rows, done + scorer.Count + 1);
                scorer.Score(predictions);
                done += scorer.Count;
                lines.Report(done, rows.Progress);
            }
            if (predictions.Count > 0)
                await parts.AddAsync(predictions.Count, format.WriteAsync);
        }
        await parts.CompleteAsync(format.MergeAsync);
        output.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{done:N0} predictions of model {model.Version} in {options.Output}; {lines.Rate(done):N0} rows/s."
            )
        );
        return CommandLine.Success;
    }

    private static void Add(RowScorer scorer, RowReader rows, long row)
    {
        try
        {
            scorer.Add(rows.Fill);
        }
        catch (BadRowException e)
        {
            throw new InvalidDataException($"Row {row}: {e.Message}.");
        }
    }

    private static ScoringModel Load(string path)
    {
        try
        {
            return ScoringModel.Load(File.ReadAllBytes(path));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path} cannot be used as a model: {e.Message}", e);
        }
    }

    // What must be the same for a run to go on with what another has begun.
    private static string[] Describe(BatchOptions options, ScoringModel model)
    {
        var input = new FileInfo(options.Input);
        return
        [
            $"model: {model.Version}",
            string.Create(CultureInfo.InvariantCulture, $"input: {input.Length} bytes of {input.LastWriteTimeUtc:O}"),
            $"--columns: {options.Columns}",
            string.Create(
                CultureInfo.InvariantCulture,
                $"--delimiter: {(int)options.DelimiterOf(options.Input)} {(int)options.DelimiterOf(options.Output)}"
            ),
            string.Create(CultureInfo.InvariantCulture, $"--part-rows: {options.PartRows}"),
        ];
    }
}
