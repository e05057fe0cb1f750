using System.Reflection;

namespace Microsoft.ML.Infomorphic.Tests.Architecture;

/// <summary>Every type that a type's compiled code mentions: in its declaration, its members, and their bodies.</summary>
internal static class TypeUses
{
    private const BindingFlags Declared =
        BindingFlags.Public
        | BindingFlags.NonPublic
        | BindingFlags.Instance
        | BindingFlags.Static
        | BindingFlags.DeclaredOnly;

    /// <summary>The types, each as its outermost type's definition; nested types count as their outermost type's.</summary>
    public static HashSet<Type> Of(Type type)
    {
        HashSet<Type> uses = [];
        AddDeclaration(uses, type);
        foreach (Type nested in type.GetNestedTypes(Declared))
            uses.UnionWith(Of(nested));
        uses.Remove(Outermost(type));
        return uses;
    }

    public static Type Outermost(Type type)
    {
        while (type.DeclaringType is Type outer)
            type = outer;
        return type;
    }

    private static void AddDeclaration(HashSet<Type> uses, Type type)
    {
        Add(uses, type.BaseType);
        foreach (Type implemented in type.GetInterfaces())
            Add(uses, implemented);
        AddConstraints(uses, type.IsGenericType ? type.GetGenericArguments() : []);
        AddAttributes(uses, type);
        foreach (MemberInfo member in type.GetMembers(Declared))
        {
            AddAttributes(uses, member);
            AddMember(uses, member);
            if (member is MethodBase method)
                AddBody(uses, method);
        }
    }

    private static void AddMember(HashSet<Type> uses, MemberInfo member)
    {
        if (member is Type type)
        {
            Add(uses, type);
            return;
        }
        Add(uses, member.DeclaringType);
        switch (member)
        {
            case FieldInfo field:
                Add(uses, field.FieldType);
                break;
            case PropertyInfo property:
                Add(uses, property.PropertyType);
                break;
            case EventInfo { EventHandlerType: Type handler }:
                Add(uses, handler);
                break;
            case MethodBase method:
                foreach (ParameterInfo parameter in method.GetParameters())
                    Add(uses, parameter.ParameterType);
                if (method is MethodInfo { ReturnType: Type returned })
                    Add(uses, returned);
                if (method.IsGenericMethod)
                {
                    foreach (Type argument in method.GetGenericArguments())
                        Add(uses, argument);
                    AddConstraints(uses, method.GetGenericArguments());
                }
                break;
        }
    }

    private static void AddConstraints(HashSet<Type> uses, Type[] genericArguments)
    {
        foreach (Type parameter in genericArguments.Where(a => a.IsGenericParameter))
        {
            foreach (Type constraint in parameter.GetGenericParameterConstraints())
                Add(uses, constraint);
        }
    }

    private static void AddAttributes(HashSet<Type> uses, MemberInfo member)
    {
        foreach (CustomAttributeData attribute in member.GetCustomAttributesData())
        {
            Add(uses, attribute.AttributeType);
            foreach (CustomAttributeTypedArgument argument in attribute.ConstructorArguments)
                Add(uses, argument.Value as Type);
        }
    }

    private static void AddBody(HashSet<Type> uses, MethodBase method)
    {
        if (method.GetMethodBody() is not MethodBody body)
            return;
        foreach (LocalVariableInfo local in body.LocalVariables)
            Add(uses, local.LocalType);
        foreach (ExceptionHandlingClause clause in body.ExceptionHandlingClauses)
        {
            if (clause.Flags == ExceptionHandlingClauseOptions.Clause)
                Add(uses, clause.CatchType);
        }

        foreach (MemberInfo member in MethodCode.Members(method))
            AddMember(uses, member);
    }

    private static void Add(HashSet<Type> uses, Type? type)
    {
        while (type is { HasElementType: true })
            type = type.GetElementType();
        if (type is null || type.IsGenericParameter)
            return;
        if (type.IsGenericType)
        {
            foreach (Type argument in type.GetGenericArguments())
                Add(uses, argument);
            type = type.GetGenericTypeDefinition();
        }
        uses.Add(Outermost(type));
    }
}
