using Microsoft.ML;
using Microsoft.ML.Data;

namespace Tabular;

/// <summary>A table: columns of any kind, a class for each row, and the part (fold) that a row belongs to.</summary>
internal sealed class Table
{
    private readonly MLContext _mlContext;
    private readonly IDataView _rows;
    private readonly int[]? _folds;

    private Table(
        MLContext mlContext,
        string name,
        IReadOnlyList<InferredColumn> columns,
        IDataView rows,
        string[] labels,
        int[]? folds
    )
    {
        _mlContext = mlContext;
        _rows = rows;
        _folds = folds;
        Name = name;
        Columns = columns;
        Labels = labels;
    }

    /// <summary>The file's name, without extension.</summary>
    public string Name { get; }

    /// <summary>All columns but the label's and the fold's.</summary>
    public IReadOnlyList<InferredColumn> Columns { get; }

    /// <summary>The class of each row; empty where it is missing.</summary>
    public IReadOnlyList<string> Labels { get; }

    /// <summary>
    /// Reads a file of comma-separated values with a header. A column named "fold" has whole numbers and says which rows
    /// are tested together.
    /// </summary>
    /// <param name="mlContext">The context.</param>
    /// <param name="path">The file, plain or gzipped.</param>
    /// <param name="label">The column with the classes; null for the one named "label", or else the last.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is no table, or its columns do not fit together.</exception>
    public static Table Load(MLContext mlContext, string path, string? label = null)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path} is missing: name a CSV file.");
        var file = new CsvFile(path);

        // First all cells as text, to see what the columns are.
        using IEnumerator<string[]> lines = file.ReadCells(mlContext).GetEnumerator();
        string[] names = lines.MoveNext() ? [.. lines.Current.Select(name => name.Trim())] : [];
        int fold = Array.FindIndex(names, name => name.Equals("fold", StringComparison.OrdinalIgnoreCase));
        if (names.Length < (fold < 0 ? 2 : 3))
            throw NoTable();
        int target = FindLabel(path, names, label, fold);
        ColumnInference[] inferences = [.. names.Select(name => new ColumnInference(name))];
        var labels = new List<string>();
        var folds = new List<int>();
        while (lines.MoveNext())
        {
            string[] cells = lines.Current;
            if (cells.Length != names.Length)
                throw new InvalidDataException(
                    $"{path}: row {labels.Count + 1} has {cells.Length} cells, and the header has {names.Length}."
                );
            for (int i = 0; i < cells.Length; i++)
                inferences[i].Add(cells[i]);
            labels.Add(cells[target]);
            if (fold >= 0)
                folds.Add(
                    int.TryParse(cells[fold], out int number)
                        ? number
                        : throw new InvalidDataException(
                            $"{path}: the column \"{names[fold]}\" says which rows are tested together by whole numbers, and row {labels.Count} has \"{cells[fold]}\"; name the column otherwise if it is a feature."
                        )
                );
        }
        if (labels.Count == 0)
            throw NoTable();
        if (labels.Distinct().Count(name => name.Length > 0) < 2)
            throw new InvalidDataException($"{path}: the label column \"{names[target]}\" has fewer than two classes.");
        if (fold >= 0 && folds.Distinct().Count() == 1)
            throw new InvalidDataException(
                $"{path}: the column \"{names[fold]}\" has the same number everywhere, so that no rows are left to train on."
            );

        // Then the columns by their kinds.
        var columns = new List<InferredColumn>();
        var loaded = new List<TextLoader.Column> { new("Label", DataKind.String, target) };
        for (int i = 0; i < names.Length; i++)
        {
            if (i == target || i == fold)
                continue;
            ColumnKind kind = inferences[i].Kind;
            columns.Add(new InferredColumn(names[i], kind, kind == ColumnKind.Numeric && inferences[i].Incomplete));
            if (kind != ColumnKind.Ignored)
                loaded.Add(new(names[i], kind == ColumnKind.Numeric ? DataKind.Single : DataKind.String, i));
        }
        if (loaded.Count == 1)
            throw new InvalidDataException(
                $"{path} has no column to learn from: each is empty, has one value alone, or another in each row."
            );
        if (loaded.GroupBy(column => column.Name).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new InvalidDataException(
                $"{path} has two columns named \"{twice.Key}\" (the label column counts as one named so): rename one."
            );

        IDataView rows = file.Load(mlContext, [.. loaded]);
        // All classes are known from the start: a fold may lack one.
        rows = mlContext.Transforms.Conversion.MapValueToKey("Label").Fit(rows).Transform(rows);
        return new Table(
            mlContext,
            TableFiles.Name(path),
            columns,
            mlContext.Data.Cache(rows),
            [.. labels],
            fold < 0 ? null : [.. folds]
        );

        InvalidDataException NoTable() =>
            new(
                $"{path} is no table: it needs a header, then rows with as many cells, separated by commas, with the class in the last column."
            );
    }

    /// <summary>The fold of each row: the table's own, or five that have their share of every class each.</summary>
    public int[] Folds(int seed)
    {
        if (_folds is not null)
            return _folds;
        const int Count = 5;
        int[] rows = [.. Enumerable.Range(0, Labels.Count)];
        new Random(seed).Shuffle(rows);
        var folds = new int[rows.Length];
        int next = 0;
        foreach (int row in rows.GroupBy(row => Labels[row]).SelectMany(ofClass => ofClass))
            folds[row] = next++ % Count;
        return folds;
    }

    /// <summary>
    /// The rows to train on and to test on, with the columns Features and Label. What is learned for the features (means,
    /// categories, words) is learned from the training rows.
    /// </summary>
    /// <param name="folds">The fold of each row.</param>
    /// <param name="fold">The one to test on.</param>
    public (IDataView Train, IDataView Test) Split(int[] folds, int fold)
    {
        IDataView train = Where(row => folds[row] != fold);
        ITransformer preparation = InferredColumn.Preparation(_mlContext.Transforms, Columns).Fit(train);
        return (
            InMemory(preparation.Transform(train)),
            InMemory(preparation.Transform(Where(row => folds[row] == fold)))
        );
    }

    // The rows that have a class and are wanted.
    private IDataView Where(Func<int, bool> wanted) =>
        _mlContext.Data.FilterByStatefulCustomPredicate<Nothing, Position>(
            _rows,
            (_, position) =>
            {
                int row = position.Next++;
                return Labels[row].Length == 0 || !wanted(row);
            },
            position => position.Next = 0
        );

    // Read once and now: neither at every pass of a trainer, nor while the first one's time is taken.
    private IDataView InMemory(IDataView view)
    {
        IDataView cached = _mlContext.Data.Cache(view, "Features", "Label");
        using DataViewRowCursor cursor = cached.GetRowCursor([cached.Schema["Features"], cached.Schema["Label"]]);
        while (cursor.MoveNext()) { }
        return cached;
    }

    private static int FindLabel(string path, string[] names, string? label, int fold)
    {
        int target = label is null
            ? Array.FindIndex(names, name => name.Equals("label", StringComparison.OrdinalIgnoreCase))
            : Array.IndexOf(names, label);
        if (target < 0 && label is null)
            target = names.Length - (fold == names.Length - 1 ? 2 : 1);
        return target >= 0 && target != fold
            ? target
            : throw new InvalidDataException(
                $"{path} has no label column \"{label}\"; its columns are {string.Join(", ", names)}."
            );
    }

    private sealed class Nothing;

    private sealed class Position
    {
        public int Next { get; set; }
    }
}
