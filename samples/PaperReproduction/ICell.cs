namespace PaperReproduction;

/// <summary>One training: all that decides its result.</summary>
internal interface ICell
{
    /// <summary>A file name that tells the cell apart from all others.</summary>
    string FileName { get; }
}

/// <summary>A finished cell.</summary>
internal interface ICellResult<out TCell>
{
    /// <summary>The cell.</summary>
    TCell Cell { get; }

    /// <summary>What it came to, in a line.</summary>
    string Summary { get; }
}
