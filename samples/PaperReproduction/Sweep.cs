using System.Globalization;
using Mnist;

namespace PaperReproduction;

/// <summary>Runs the cells that are not finished yet.</summary>
internal static class Sweep
{
    /// <summary>
    /// Runs cells in their order, some at once, and stores each as it ends. What is finished already is not run again.
    /// </summary>
    /// <returns>The results of all cells, in the cells' order.</returns>
    /// <exception cref="OperationCanceledException">It was interrupted; finished cells stay.</exception>
    public static IReadOnlyList<CellResult> Run(
        IReadOnlyList<Cell> cells,
        CellStore store,
        Func<CellRunner> createRunner,
        int cellsAtOnce,
        TextWriter text
    )
    {
        store.Create();
        var results = new CellResult?[cells.Count];
        for (int i = 0; i < cells.Count; i++)
            results[i] = store.Find(cells[i]);
        int[] open = [.. Enumerable.Range(0, cells.Count).Where(i => results[i] is null)];
        text.WriteLine(
            $"{cells.Count} cells, {cells.Count - open.Length} of them finished before; results in {store.Folder}"
        );
        if (open.Length == 0)
            return results!;

        // Only now: data that nothing is left to do with need not be there.
        CellRunner runner = createRunner();
        using var interruption = new Interruption();
        int done = 0;
        Parallel.ForEach(
            System.Collections.Concurrent.Partitioner.Create(open, EnumerablePartitionerOptions),
            new ParallelOptions { MaxDegreeOfParallelism = cellsAtOnce, CancellationToken = interruption.Token },
            i =>
            {
                CellResult result = runner.Run(cells[i], interruption.Token);
                store.Add(result);
                results[i] = result;
                lock (text)
                    text.WriteLine(Describe(result, ++done, open.Length));
            }
        );
        return results!;
    }

    private const System.Collections.Concurrent.EnumerablePartitionerOptions EnumerablePartitionerOptions = System
        .Collections
        .Concurrent
        .EnumerablePartitionerOptions
        .NoBuffering;

    private static string Describe(CellResult result, int done, int all)
    {
        Outcome outcome = result.Outcome;
        string meanField = outcome.MeanFieldTest is double value
            ? string.Create(CultureInfo.InvariantCulture, $", mean field {100 * value:F2} %")
            : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"[{done}/{all}] {result.Cell.FileName}: test, sampled {100 * outcome.SampledTest:F2} %{meanField}; {outcome.TrainingSeconds:F0} s"
        );
    }
}
