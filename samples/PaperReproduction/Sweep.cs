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
    public static IReadOnlyList<TResult> Run<TCell, TResult>(
        IReadOnlyList<TCell> cells,
        CellStore<TCell, TResult> store,
        Func<Func<TCell, CancellationToken, TResult>> createRunner,
        int cellsAtOnce,
        TextWriter text
    )
        where TCell : class, ICell
        where TResult : class, ICellResult<TCell>
    {
        store.Create();
        var results = new TResult?[cells.Count];
        for (int i = 0; i < cells.Count; i++)
            results[i] = store.Find(cells[i]);
        int[] open = [.. Enumerable.Range(0, cells.Count).Where(i => results[i] is null)];
        text.WriteLine(
            $"{cells.Count} cells, {cells.Count - open.Length} of them finished before; results in {store.Folder}"
        );
        if (open.Length == 0)
            return results!;

        // Only now: data that nothing is left to do with need not be there.
        Func<TCell, CancellationToken, TResult> run = createRunner();
        using var interruption = new Interruption();
        int done = 0;
        Parallel.ForEach(
            System.Collections.Concurrent.Partitioner.Create(open, EnumerablePartitionerOptions),
            new ParallelOptions { MaxDegreeOfParallelism = cellsAtOnce, CancellationToken = interruption.Token },
            i =>
            {
                TResult result = run(cells[i], interruption.Token);
                store.Add(result);
                results[i] = result;
                lock (text)
                    text.WriteLine(
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"[{++done}/{open.Length}] {result.Cell.FileName}: {result.Summary}"
                        )
                    );
            }
        );
        return results!;
    }

    private const System.Collections.Concurrent.EnumerablePartitionerOptions EnumerablePartitionerOptions = System
        .Collections
        .Concurrent
        .EnumerablePartitionerOptions
        .NoBuffering;
}
